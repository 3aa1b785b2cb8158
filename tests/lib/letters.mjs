// letters.mjs: messages of which no two are alike, of every kind and size that comes in,
// each with a token in Message-ID, subject and body, and known again by its hash.
import { createHash, randomBytes, randomInt } from 'node:crypto';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const pick = (list) => list[randomInt(list.length)];

// Lines made once, of which messages take a stretch: what is random costs little then.
const POOL = 1024 * 1024;

function pool(line) {
  const lines = [];
  for (let size = 0; size < POOL; size += lines.at(-1).length) lines.push(`${line()}\r\n`);
  const starts = [];
  lines.reduce((at, text) => (starts.push(at), at + text.length), 0);
  return { text: lines.join(''), starts };
}

const letters = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,;:=-_';
const some = (from, n) => Array.from(randomBytes(n), (byte) => from[byte % from.length]).join('');
const plain = () => pool(() => pick(['.', '..', '', 'From ', '. ', ' ', '-- ', '']) + some(letters, randomInt(76)));
const pools = {
  text: plain(),
  // Bytes of UTF-8 and bytes of nothing: all but NUL, CR and LF.
  eight: pool(() => randomBytes(randomInt(76)).toString('latin1').replace(/[\0\r\n]/g, '\u00e9')),
  long: pool(() => some(letters, 700 + randomInt(290))),
  base64: pool(() => randomBytes(57).toString('base64')),
};

/** About `size` bytes of whole lines of that pool. */
function stretch({ text, starts }, size) {
  const from = starts[randomInt(starts.length)];
  const end = text.indexOf('\r\n', Math.min(from + size, text.length - 2)) + 2;
  return text.slice(from, end) + (from + size > text.length ? stretch({ text, starts }, from + size - text.length) : '');
}

/** Bytes of a message: mostly of one to four KiB, one in twenty up to 200 KiB. */
function someSize() {
  const dice = randomInt(20);
  if (dice < 15) return 1024 + randomInt(3 * 1024);
  return dice < 19 ? 4096 + randomInt(28 * 1024) : 32 * 1024 + randomInt(168 * 1024);
}

const kinds = {
  text: (size) => `\r\n${stretch(pools.text, size)}`,
  eight: (size) => `MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${
    stretch(pools.eight, size)}`,
  long: (size) => `\r\n${stretch(pools.long, size)}`,
  attached: (size, token) => ['MIME-Version: 1.0', `Content-Type: multipart/mixed; boundary="${token}"`, '', `--${token}`, '',
    stretch(pools.text, 300), `--${token}`, 'Content-Type: application/octet-stream', 'Content-Disposition: attachment; filename="a.bin"',
    'Content-Transfer-Encoding: base64', '', `${stretch(pools.base64, size)}--${token}--`, ''].join('\r\n'),
  html: (size, token) => `MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>${token}</p>\r\n<pre>\r\n${stretch(pools.text, size)}</pre>\r\n`,
};

/** { token, from, to, data (latin1), size, hash } of a new message. */
export function newLetter({ from, to, size = someSize() }) {
  const token = `t${randomBytes(12).toString('hex')}`;
  const kind = pick(Object.keys(kinds));
  const data = `Message-ID: <${token}@client.example>\r\nFrom: ${from}\r\nTo: ${to.join(',\r\n ')}\r\nSubject: ${kind} ${token}\r\n`
    + `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\n${kinds[kind](size, token)}${token} ends.\r\n`;
  return { token, from, to, data, size: data.length, eight: kind === 'eight', hash: sha256(Buffer.from(data, 'latin1')) };
}

/** Token and hash of a message as it is given out again, and what was put before it: { token, hash, before }. */
export function knownAgain(bytes) {
  const at = bytes.indexOf('Message-ID: <t');
  if (at < 0) return { before: '' };
  return { token: bytes.toString('latin1', at + 13, at + 38), hash: sha256(bytes.subarray(at)),
    before: bytes.toString('latin1', 0, at) };
}

/** Is this nothing but fields that a server adds in front? */
export const onlyTrace = (text) => /^(?:(?:Received|Return-Path|Authentication-Results): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*$/.test(text);
