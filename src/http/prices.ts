/** What a request costs beyond the one unit that each does; docs/API.md, "Limits", has the same table. */
const rowsPerUnit = 50;
const bytesPerUnit = 16_384;

/** A unit is about 10 ms of a thread. What is not here costs nothing beyond its name. */
const unitsOfGenerator: Readonly<Record<string, number>> = { 'rsa-2048': 20, ed25519: 1 };

export function unitsForRows(rows: number): number {
  return Math.floor(rows / rowsPerUnit);
}

/** @param value of a secret */
export function unitsForValue(value: string): number {
  return Math.floor(Buffer.byteLength(value) / bytesPerUnit);
}

/** Beyond the first, which the request itself pays for. */
export function unitsForNames(names: readonly string[]): number {
  return names.length - 1;
}

/** @param generator as it is stored; null stands for the default one */
export function unitsForGenerator(generator: unknown): number {
  if (typeof generator !== 'object' || generator === null || !('type' in generator)) return 0;
  return unitsOfGenerator[String(generator.type)] ?? 0;
}
