/** Seeds that have found bugs, each with what it found. They are played at every run of the tests. */
export const FOUND_SEEDS: readonly { readonly seed: number; readonly bug: string }[] = [];
