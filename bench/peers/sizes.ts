/** How many secrets there are where a vault that writes all of them each time is to show it. */
export const manySecrets = 10_000;
