import { invalid, missing, unknownParameter } from './errors.ts';
import type { FormObject, FormValue } from './form.ts';

/** Reads one parameter; throws the refusal of the API if it is wrong. `undefined`: it was not sent. */
export type Reader<T> = (value: FormValue | undefined, param: string) => T;

type Read<S extends Record<string, Reader<unknown>>> = { readonly [K in keyof S]: ReturnType<S[K]> };

/** Parameters that the API has and the stand-in has not: refused, so that nobody believes that they were heeded. */
const NOT_MODELLED = new Set(
  `allowed_payment_method_types amount_details amount_to_confirm application_fee_amount confirmation_token customer
  customer_account error_on_requires_action excluded_payment_method_types final_capture hooks instructions_email mandate
  mandate_data on_behalf_of origin payment_details payment_method_configuration radar_options refund_application_fee
  reverse_transfer setup_future_usage shipping transfer_data transfer_group`.split(/\s+/),
);

/** Reads all parameters; what is not named in `readers` is refused. */
export function readAll<S extends Record<string, Reader<unknown>>>(form: FormObject, readers: S, prefix = ''): Read<S> {
  const inside = (name: string): string => (prefix === '' ? name : `${prefix}[${name}]`);
  for (const name in form) {
    if (Object.hasOwn(readers, name)) continue;
    // docs.stripe.com/changelog/endive/2026-09-30, on its removal.
    if (name === 'payment_method_types') {
      throw invalid('payment_method_types is no longer supported.', name, 'payment_method_types_no_longer_supported');
    }
    if (prefix === '' && NOT_MODELLED.has(name)) {
      throw invalid(`The stand-in does not know what Stripe does with ${name}.`, name, 'stand_in_not_modelled');
    }
    throw unknownParameter(inside(name));
  }
  const result: Record<string, unknown> = {};
  for (const name in readers) result[name] = readers[name](form[name], inside(name));
  return result as Read<S>;
}

export function required<T>(reader: Reader<T | undefined>): Reader<T> {
  return (value, param) => {
    const read = reader(value, param);
    if (read === undefined) throw missing(param);
    return read;
  };
}

/** @param allowsEmpty whether an empty text is a value, most often for «unset» */
function stringOf(value: FormValue | undefined, param: string, allowsEmpty = false): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalid(`Invalid string: ${JSON.stringify(value)}`, param);
  if (value === '' && !allowsEmpty) {
    throw invalid(
      `You passed an empty string for '${param}'. We assume empty values are an attempt to unset a parameter; ` +
        `however '${param}' cannot be unset.`,
      param,
      'parameter_invalid_empty',
    );
  }
  return value;
}

export function text(maxLength: number, options: { readonly allowsEmpty?: boolean } = {}): Reader<string | undefined> {
  return (value, param) => {
    const read = stringOf(value, param, options.allowsEmpty);
    if (read !== undefined && read.length > maxLength) {
      throw invalid(`Invalid string: must be at most ${maxLength} characters`, param, 'parameter_invalid_string');
    }
    return read;
  };
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Reader<number | undefined> {
  return (value, param) => {
    const read = stringOf(value, param);
    if (read === undefined) return undefined;
    const number = Number(read);
    if (!/^-?\d+$/.test(read) || !Number.isSafeInteger(number)) {
      throw invalid(`Invalid integer: ${read}`, param, 'parameter_invalid_integer');
    }
    if (number < min) {
      throw invalid(`This value must be greater than or equal to ${min}.`, param, 'parameter_invalid_integer');
    }
    if (number > max) {
      throw invalid(`This value must be less than or equal to ${max}.`, param, 'parameter_invalid_integer');
    }
    return number;
  };
}

export const flag: Reader<boolean | undefined> = (value, param) => {
  const read = stringOf(value, param);
  if (read === undefined) return undefined;
  if (read !== 'true' && read !== 'false') throw invalid(`Invalid boolean: ${read}`, param);
  return read === 'true';
};

export function oneOf<const T extends string>(...values: readonly T[]): Reader<T | undefined> {
  return (value, param) => {
    const read = stringOf(value, param, values.includes('' as T));
    if (read !== undefined && !values.includes(read as T)) {
      throw invalid(`Invalid ${param}: must be one of ${values.join(', ')}`, param);
    }
    return read as T | undefined;
  };
}

export function listOf<T>(item: Reader<T | undefined>, max = 100): Reader<T[] | undefined> {
  return (value, param) => {
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw invalid('Invalid array', param, 'parameter_invalid_array');
    if (value.length > max) throw invalid(`Array must have at most ${max} items`, param);
    return value.map((entry, index) => required(item)(entry, `${param}[${index}]`));
  };
}

export function group<S extends Record<string, Reader<unknown>>>(readers: S): Reader<Read<S> | undefined> {
  return (value, param) => {
    if (value === undefined) return undefined;
    if (typeof value === 'string' || Array.isArray(value)) throw invalid('Invalid object', param);
    return readAll(value, readers, param);
  };
}

const METADATA_LIMITS = { keys: 50, key: 40, value: 500 } as const;

/** Changes of metadata; an empty value removes its key, and `''` instead of them all removes every key. */
export type MetadataChange = Readonly<Record<string, string>> | '';

/** Limits as published at docs.stripe.com/api/metadata. */
export const metadata: Reader<MetadataChange | undefined> = (value, param) => {
  if (value === undefined || value === '') return value;
  if (typeof value === 'string' || Array.isArray(value)) throw invalid('Invalid object', param);
  const names = Object.keys(value);
  if (names.length > METADATA_LIMITS.keys) {
    throw invalid(`Metadata can have at most ${METADATA_LIMITS.keys} keys.`, param);
  }
  const result: Record<string, string> = Object.create(null);
  for (const name of names) {
    const at = `${param}[${name}]`;
    if (name.length > METADATA_LIMITS.key) {
      throw invalid(`Metadata keys can be up to ${METADATA_LIMITS.key} characters in length.`, at);
    }
    const entry = stringOf(value[name], at, true) ?? '';
    if (entry.length > METADATA_LIMITS.value) {
      throw invalid(`Metadata values can have up to ${METADATA_LIMITS.value} characters.`, at);
    }
    result[name] = entry;
  }
  return result;
};

/** Metadata after a change. */
export function changed(
  before: Readonly<Record<string, string>>,
  change: MetadataChange | undefined,
): Record<string, string> {
  if (change === '') return {};
  const after: Record<string, string> = { ...before };
  for (const name in change) {
    if (change[name] === '') delete after[name];
    else after[name] = change[name];
  }
  if (Object.keys(after).length > METADATA_LIMITS.keys) {
    throw invalid(`Metadata can have at most ${METADATA_LIMITS.keys} keys.`, 'metadata');
  }
  return after;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

const bounds = group({ gt: integer(0), gte: integer(0), lt: integer(0), lte: integer(0) });

/** A time, or bounds of it, in seconds; both ends belong to the result. */
export const range: Reader<Range | undefined> = (value, param) => {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    const at = integer(0)(value, param) ?? 0;
    return { from: at, to: at };
  }
  const { gt = -1, gte = 0, lt = Number.MAX_SAFE_INTEGER, lte = Number.MAX_SAFE_INTEGER } = bounds(value, param) ?? {};
  return { from: Math.max(gt + 1, gte), to: Math.min(lt - 1, lte) };
};
