import Type from 'typebox';

const LENGTH_MIN = 8;
const LENGTH_MAX = 256;

/** Any text of whole characters: what is not would be hashed as another. */
const pattern = '^[^\\ud800-\\udfff]*$';

/** A password to be set. */
export const NewPassword = Type.String({ minLength: LENGTH_MIN, maxLength: LENGTH_MAX, pattern });

/** What of a log-in cannot be right is told as wrong credentials, not as a fault of form. */
export const CREDENTIAL_LENGTH_MAX = 1_000;

/** A password to be compared. */
export const GivenPassword = Type.String({ minLength: 1, maxLength: CREDENTIAL_LENGTH_MAX, pattern });
