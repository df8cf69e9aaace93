/**
 * Concatenated netstrings (cr.yp.to/proto/netstrings.txt): `<bytes in decimal>:<UTF-8 text>,` for each field. Two
 * different lists never encode alike, which is what MACs and additional data need.
 * Throws TypeError for text with a lone surrogate: it has no UTF-8 form, and Node would replace it in silence.
 */
export function netstrings(fields: readonly string[]): Buffer {
  let text = '';
  for (const field of fields) {
    if (!field.isWellFormed()) throw new TypeError('a field is not well-formed Unicode');
    text += `${Buffer.byteLength(field)}:${field},`;
  }
  return Buffer.from(text);
}
