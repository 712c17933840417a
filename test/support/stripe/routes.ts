import type { Account, ChargeRecord, DisputeRecord, EventRecord, PaymentRecord, RefundRecord } from './account.ts';
import type { Collection } from './collection.ts';
import { ApiError, invalid, missing, paymentError, resourceMissing } from './errors.ts';
import { checkExpand, expand, type Kind } from './expand.ts';
import type { FormObject } from './form.ts';
import { clientView } from './objects.ts';
import {
  changed,
  flag,
  group,
  integer,
  listOf,
  metadata,
  oneOf,
  type Range,
  type Reader,
  range,
  readAll,
  required,
  text,
} from './parameters.ts';
import { METHOD_TYPES } from './payment-methods.ts';
import { cancelPayment, capturePayment, confirmPayment, createPayment, updatePayment } from './payments.ts';
import { createRefund } from './refunds.ts';

/** Who asks: the seller's server, or a buyer's browser. */
export type Caller = 'secret' | 'publishable';

export interface Route {
  /** Whether a browser may ask. */
  readonly isPublic: boolean;
  /** Reads the parameters, and refuses wrong ones; what it returns carries the request out, and returns the answer. */
  prepare(form: FormObject, id: string, caller: Caller): () => object;
}

/** By method and path, with `:id` for the id. */
export type Routes = ReadonlyMap<string, Route>;

type Readers = Record<string, Reader<unknown>>;
type Params<S extends Readers> = ReturnType<typeof readAll<S>>;

const EXPAND = { expand: listOf(text(500)) };
const PAGE = {
  ...EXPAND,
  limit: integer(1, 100),
  starting_after: text(500),
  ending_before: text(500),
};

const CAPTURE_METHOD = oneOf('automatic', 'automatic_async', 'manual');

const methodOption = group({ capture_method: oneOf('manual', '') });
const METHOD = {
  payment_method: text(500),
  payment_method_data: group({ type: required(oneOf(...METHOD_TYPES)) }),
  payment_method_options: group(Object.fromEntries(METHOD_TYPES.map((type) => [type, methodOption]))),
};

// Lengths: docs.stripe.com/api/payment_intents/create.
const UPDATE = {
  ...EXPAND,
  ...METHOD,
  amount: integer(1),
  currency: text(3),
  capture_method: CAPTURE_METHOD,
  description: text(1000, { allowsEmpty: true }),
  metadata,
  receipt_email: text(800, { allowsEmpty: true }),
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
};

const CREATE = {
  ...UPDATE,
  amount: required(integer(1)),
  currency: required(text(3)),
  description: text(1000),
  receipt_email: text(800),
  automatic_payment_methods: group({ enabled: required(flag), allow_redirects: oneOf('always', 'never') }),
  confirm: flag,
  confirmation_method: oneOf('automatic', 'manual'),
  off_session: flag,
  allowed_payment_method_types: listOf(oneOf(...METHOD_TYPES)),
  excluded_payment_method_types: listOf(oneOf(...METHOD_TYPES)),
  return_url: text(5000),
  use_stripe_sdk: flag,
};

/** What a buyer's browser may say. */
const CLIENT_CONFIRM = {
  ...EXPAND,
  ...METHOD,
  client_secret: text(500),
  receipt_email: text(800),
  return_url: text(5000),
  use_stripe_sdk: flag,
};

const CONFIRM = { ...CLIENT_CONFIRM, capture_method: CAPTURE_METHOD, off_session: flag };

const CANCEL = {
  ...EXPAND,
  cancellation_reason: oneOf('abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'),
};

const CAPTURE = {
  ...EXPAND,
  amount_to_capture: integer(1),
  metadata,
  statement_descriptor: text(22),
  statement_descriptor_suffix: text(22),
};

const REFUND = {
  ...EXPAND,
  amount: integer(1),
  charge: text(500),
  currency: text(3),
  metadata,
  payment_intent: text(500),
  reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
};

export function createRoutes(account: Account): Routes {
  const routes = new Map<string, Route>();

  /** One that answers with one object. */
  function one<S extends Readers>(
    key: string,
    kind: Kind,
    readers: S,
    run: (params: Params<S>, id: string) => object,
  ): void {
    routes.set(key, {
      isPublic: false,
      prepare(form, id) {
        const params = readAll(form, readers);
        const paths = (params as { expand?: string[] }).expand ?? [];
        checkExpand(kind, false, paths);
        return () => expand(account, kind, run(params, id), paths);
      },
    });
  }

  function get<T>(
    key: string,
    kind: Kind,
    things: { get(id: string): T | undefined },
    show: (thing: T) => object,
  ): void {
    one(`GET ${key}/:id`, kind, EXPAND, (_params, id) => {
      const thing = things.get(id);
      if (thing === undefined) throw resourceMissing(kind, id, kind === 'payment_intent' ? 'intent' : 'id', 404);
      return show(thing);
    });
  }

  /** @param from where the entries are, and which of them */
  function list<S extends Readers, T extends { readonly id: string; readonly created: number }>(
    key: string,
    kind: Kind,
    readers: S,
    show: (thing: T) => object,
    from: (params: Params<S>) => { readonly things: Collection<T>; readonly accepts?: (thing: T) => boolean },
  ): void {
    routes.set(`GET ${key}`, {
      isPublic: false,
      prepare(form) {
        const params = readAll(form, { ...PAGE, ...readers });
        const { expand: paths = [], limit = 10 } = params as { expand?: string[]; limit?: number };
        const { starting_after: startingAfter, ending_before: endingBefore } = params as Record<string, string>;
        const { created } = params as { created?: Range };
        if (startingAfter !== undefined && endingBefore !== undefined) {
          throw invalid(
            'You may only specify one of these parameters: starting_after, ending_before.',
            'starting_after',
          );
        }
        checkExpand(kind, true, paths);
        return () => {
          const { things, accepts } = from(params as unknown as Params<S>);
          const page = things.page({ limit, created, startingAfter, endingBefore }, accepts);
          if (page === null) {
            const cursor = startingAfter ?? endingBefore;
            throw resourceMissing(kind, cursor, startingAfter === undefined ? 'ending_before' : 'starting_after', 400);
          }
          const inner = paths.map((path) => path.slice('data.'.length));
          return {
            object: 'list',
            data: page.data.map((thing) => expand(account, kind, show(thing), inner)),
            has_more: page.hasMore,
            url: key,
          };
        };
      },
    });
  }

  const paymentOf = (id: string): PaymentRecord => {
    const payment = account.payments.get(id);
    if (payment === undefined) throw resourceMissing('payment_intent', id, 'intent', 404);
    return payment;
  };

  // --- payment intents -----------------------------------------------------------------------------------------------

  const intents = '/v1/payment_intents';
  const showPayment = ({ intent }: PaymentRecord): object => intent;

  one(`POST ${intents}`, 'payment_intent', CREATE, (params) => createPayment(account, params).intent);

  one(`POST ${intents}/:id`, 'payment_intent', UPDATE, (params, id) => {
    const payment = paymentOf(id);
    updatePayment(payment, params);
    return payment.intent;
  });

  one(`POST ${intents}/:id/capture`, 'payment_intent', CAPTURE, (params, id) => {
    const payment = paymentOf(id);
    const { metadata, statement_descriptor, statement_descriptor_suffix } = params;
    // Refused before money is taken.
    changed(payment.intent.metadata, metadata);
    capturePayment(account, payment, params.amount_to_capture);
    updatePayment(payment, { metadata, statement_descriptor, statement_descriptor_suffix });
    return payment.intent;
  });

  one(`POST ${intents}/:id/cancel`, 'payment_intent', CANCEL, (params, id) => {
    const payment = paymentOf(id);
    cancelPayment(account, payment, params.cancellation_reason ?? null);
    return payment.intent;
  });

  list(intents, 'payment_intent', { created: range }, showPayment, () => ({ things: account.payments }));

  /** A browser proves with the client secret that the payment is its own; and it sees less. */
  function shared<S extends Readers>(
    key: string,
    readers: S,
    clientReaders: Readers,
    run: (payment: PaymentRecord, params: Params<S>) => void,
  ): void {
    routes.set(key, {
      isPublic: true,
      prepare(form, id, caller) {
        const isClient = caller === 'publishable';
        const params = readAll(form, isClient ? clientReaders : readers) as Params<S>;
        const { expand: paths = [], client_secret: secret } = params as { expand?: string[]; client_secret?: string };
        if (isClient && secret === undefined) throw missing('client_secret');
        if (isClient && paths.length > 0) throw invalid('This property cannot be expanded.', 'expand');
        checkExpand('payment_intent', false, paths);
        return () => {
          const payment = paymentOf(id);
          const { intent } = payment;
          if (secret !== undefined && secret !== intent.client_secret) {
            throw invalid(
              'The client_secret provided does not match any associated PaymentIntent on this account.',
              'client_secret',
              'payment_intent_invalid_parameter',
            );
          }
          if (!isClient) {
            run(payment, params);
            return expand(account, 'payment_intent', intent, paths);
          }
          try {
            run(payment, params);
          } catch (error) {
            throw error instanceof ApiError ? asClientSees(error) : error;
          }
          return clientView(intent);
        };
      },
    });
  }

  shared(
    `GET ${intents}/:id`,
    { ...EXPAND, client_secret: text(500) },
    { ...EXPAND, client_secret: text(500) },
    () => {},
  );
  shared(`POST ${intents}/:id/confirm`, CONFIRM, CLIENT_CONFIRM, (payment, params) =>
    confirmPayment(account, payment, params),
  );

  // --- refunds -------------------------------------------------------------------------------------------------------

  const byPayment = { created: range, charge: text(500), payment_intent: text(500) };
  const chargeOf = (id: string): ChargeRecord => {
    const charge = account.charges.get(id);
    if (charge === undefined) throw resourceMissing('charge', id, 'charge', 400);
    return charge;
  };
  const paymentIn = (id: string): PaymentRecord => {
    const payment = account.payments.get(id);
    if (payment === undefined) throw resourceMissing('payment_intent', id, 'payment_intent', 400);
    return payment;
  };

  routes.set('POST /v1/refunds', {
    isPublic: false,
    prepare(form) {
      const params = readAll(form, REFUND);
      const { expand: paths = [], charge: chargeId, payment_intent: intentId } = params;
      if (chargeId === undefined && intentId === undefined) throw missing('payment_intent');
      checkExpand('refund', false, paths);
      return () => {
        const payment = intentId === undefined ? chargeOf(chargeId ?? '').payment : paymentIn(intentId);
        const charge = chargeId === undefined ? payment.charge : chargeOf(chargeId);
        if (charge === null || charge.payment !== payment || !charge.charge.captured) {
          throw paymentError(
            { message: `This PaymentIntent (${payment.id}) does not have a successful charge to refund.` },
            payment.intent,
          );
        }
        return expand(account, 'refund', createRefund(account, charge, params).refund, paths);
      };
    },
  });

  get('/v1/refunds', 'refund', account.refunds, ({ refund }) => refund);

  list(
    '/v1/refunds',
    'refund',
    byPayment,
    ({ refund }: RefundRecord) => refund,
    ({ charge, payment_intent: intent }) => {
      if (intent !== undefined) return { things: paymentIn(intent).refunds };
      if (charge !== undefined) return { things: chargeOf(charge).payment.refunds };
      return { things: account.refunds };
    },
  );

  // --- charges, disputes and events ----------------------------------------------------------------------------------

  get('/v1/charges', 'charge', account.charges, ({ charge }) => charge);

  get('/v1/disputes', 'dispute', account.disputes, ({ dispute }) => dispute);

  // Goes through all disputes, of which there are few.
  list(
    '/v1/disputes',
    'dispute',
    byPayment,
    ({ dispute }: DisputeRecord) => dispute,
    ({ charge, payment_intent: intent }) => ({
      things: account.disputes,
      accepts: ({ dispute }) =>
        (charge ?? dispute.charge) === dispute.charge && (intent ?? dispute.payment_intent) === dispute.payment_intent,
    }),
  );

  get('/v1/events', 'event', account.events, ({ json }) => JSON.parse(json));

  list(
    '/v1/events',
    'event',
    { created: range, type: text(100), types: listOf(text(100), 20) },
    ({ json }: EventRecord) => JSON.parse(json),
    ({ type, types = type === undefined ? undefined : [type] }) => ({
      things: account.events,
      ...(types === undefined ? {} : { accepts: (event) => types.includes(event.type) }),
    }),
  );

  return routes;
}

/** A refusal without what a browser may not see. */
function asClientSees(error: ApiError): ApiError {
  const { payment_intent: intent, ...rest } = error.body;
  if (intent === undefined) return error;
  const body = { ...rest, payment_intent: clientView(intent) };
  return new ApiError(error.status, body as ApiError['body'], error.headers);
}
