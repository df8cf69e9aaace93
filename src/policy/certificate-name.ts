const maxLength = 512;

/** Why a policy may not name a certificate so, or null when it may. */
export function certificateFault(name: string): string | null {
  if (!/^(?:URI|DNS|CN):./s.test(name)) return 'must begin with URI:, DNS: or CN:, and go on with the name';
  if (name.length > maxLength) return `is longer than ${maxLength} characters`;
  if (/\p{Cc}/u.test(name)) return 'has a control character';
  if (name.includes('*')) return 'has a *, but certificates are matched as they are: name each one';
  return null;
}
