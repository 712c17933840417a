import Stripe from 'stripe';
import { expect, test } from 'vitest';
import { FINAL_ORDER_TYPES, readEvent } from '../../src/payments/webhooks/webhook-events.ts';
import { SETTING_NAMES } from '../../src/settings.ts';
import { projectFile } from '../support/yaml-files.ts';

const page = projectFile('docs/payments.md');
const [, setup] = /\n## Setting Stripe up\n([\s\S]*?)\n## /.exec(page) ?? [];

/** Ids of the headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
}

const DOCS = ['accounts', 'architecture', 'authorisation', 'cluster', 'development', 'operations', 'payments'].map(
  (name) => `docs/${name}.md`,
);

test.each(['README.md', ...DOCS])('the links of %s into pages of the project lead somewhere', (path) => {
  const links = [...projectFile(path).matchAll(/\]\((?!https?:)([^)#\s]*\.md)?#([^)]+)\)/g)];
  const lost = links.filter(([, file, anchor]) => {
    const target = file === undefined ? path : new URL(file, `file:///${path}`).pathname.slice(1);
    return !anchorsOf(projectFile(target)).includes(anchor);
  });
  expect(lost.map(([link]) => link)).toEqual([]);
});

test('the types of events that Stripe is to send are known, with all that nothing else would tell of', () => {
  const types = [...setup.matchAll(/\b(?:payment_intent|charge|refund)\.[a-z_.]+/g)].map(([type]) => type);
  for (const type of FINAL_ORDER_TYPES) expect(types).toContain(type);
  for (const type of types) {
    const object = { id: 'xx_1', payment_intent: 'pi_1' };
    const event = { id: 'evt_1', object: 'event', type, livemode: false, data: { object } };
    expect(readEvent(event, false)?.about, type).not.toBeNull();
  }
});

test('the version of the API is that in which Usher asks', () => {
  expect(setup).toContain(`\`${Stripe.API_VERSION}\``);
});

test('every setting of Stripe is explained there', () => {
  for (const name of SETTING_NAMES.filter((each) => each.startsWith('STRIPE_'))) expect(setup).toContain(`\`${name}`);
});
