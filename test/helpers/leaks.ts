import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** What is searched, by where it is. */
export type Places = Readonly<Record<string, Buffer>>;

/** The forms in which a text may leak, cut off or within something longer. */
export function formsOf(secret: string): (string | Buffer)[] {
  const pieces = [secret.slice(0, 16), secret.slice(-16)];
  return pieces.flatMap(piece => {
    const hex = Buffer.from(piece).toString('hex');
    return [piece, hex, hex.toUpperCase(), ...[0, 1, 2].flatMap(offset => base64Forms(piece, offset))];
  });
}

/** Base64 of a text that begins `offset` bytes into a longer one, without the characters that its neighbours share. */
function base64Forms(text: string, offset: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]);
  const own = (encoded: string) => encoded.slice(offset === 0 ? 0 : offset + 1, -4);
  return [own(bytes.toString('base64')), own(bytes.toString('base64url'))];
}

/** Which forms stand where. */
export function findings(places: Places, forms: readonly (string | Buffer)[]): string[] {
  return Object.entries(places).flatMap(([place, bytes]) =>
    forms.filter(form => bytes.includes(form)).map(form => `${form.toString('latin1')} in ${place}`),
  );
}

/** Every file below the folder, by its path. */
export function filesUnder(folder: string): Record<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(file => join(folder, file))
    .filter(file => statSync(file).isFile());
  return Object.fromEntries(files.map(file => [file, readFileSync(file)]));
}
