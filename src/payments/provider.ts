import type { PaymentGateway } from './gateway.ts';
import type { SandboxGateway } from './sandbox.ts';
import type { GateFigures } from './stripe/call-gate.ts';
import type { WebhookParts } from './webhooks/webhooks.ts';

/** Who takes the money, as `src/main.ts` has chosen. */
export interface PaymentProvider {
  readonly gateway: PaymentGateway;
  /** The same gateway if it is the sandbox. */
  readonly sandbox: SandboxGateway | null;
  /** How it tells of what happens there; null if it does not. */
  readonly webhooks: WebhookParts | null;
  /** Of the calls to it, if it is another house. */
  figures(): GateFigures | null;
}

/** Nobody: tickets for test cards. */
export function sandboxProvider(sandbox: SandboxGateway): PaymentProvider {
  return { gateway: sandbox, sandbox, webhooks: null, figures: () => null };
}
