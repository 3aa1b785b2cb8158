// mutations.mjs: requests that two readers in a row could cut differently. Each carries
// another request inside, which nobody asked for when both cut it rightly: [family,
// name, bytes].
const host = 'Host: acme.localhost';
const form = 'Content-Type: application/x-www-form-urlencoded';

// Begun and not ended: the next request on the connection would become its last field.
const inner = `GET /robots.txt HTTP/1.1\r\n${host}\r\nX-Rest: `;
// Whole: its answer would be one too many.
const whole = `GET /robots.txt HTTP/1.1\r\n${host}\r\n\r\n`;

const head = (method, target, ...fields) => `${method} ${target} HTTP/1.1\r\n${host}\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`;
const post = (...fields) => head('POST', '/login', form, ...fields);
const hex = (n) => n.toString(16);
const last = '0\r\n\r\n';

// Fields that one reader takes for "Transfer-Encoding: chunked" and another may not.
const codings = [
  'Transfer-Encoding: chunked', 'transfer-encoding: chunked', 'Transfer-Encoding: Chunked', 'Transfer-Encoding: xchunked',
  'Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', 'Transfer-Encoding:chunked', 'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: chunked ', 'Transfer-Encoding: chunked\t', 'Transfer-Encoding:  chunked', 'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: \x00chunked', 'Transfer-Encoding: chunked\x00', 'Transfer-Encoding\x00: chunked', 'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: 'chunked'", 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: , chunked', 'Transfer-Encoding: chunked,', 'Transfer-Encoding: chunked;x=y',
  'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: cow', 'Transfer-Encoding:', 'Transfer_Encoding: chunked',
  ' Transfer-Encoding: chunked', 'X: y\r\n Transfer-Encoding: chunked', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding:\n chunked',
  'X: y\nTransfer-Encoding: chunked', 'X: y\rTransfer-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow',
  'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', 'Transfer-Encoding: chun\r\n ked', 'Transfer-Encoding: \xa0chunked',
  '\x00Transfer-Encoding: chunked', 'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked', 'TRANSFER-ENCODING: CHUNKED',
];

// The same of a Content-Length of n.
const lengths = (n) => [
  `Content-Length: ${n}`, `Content-Length: +${n}`, `Content-Length: 0${n}`, `Content-Length: ${n} `, `Content-Length : ${n}`,
  `Content-Length\t: ${n}`, `Content-Length: 0\r\nContent-Length: ${n}`, `Content-Length: ${n}\r\nContent-Length: 0`,
  `Content-Length: ${n}, ${n}`, `Content-Length: 0, ${n}`, `Content-Length: ${n}, 0`, `Content-Length: ${n}\r\nContent-Length: ${n}`,
  `Content-Length: ${n}\x00`, `Content-Length:\x00${n}`, `Content-Length: ${n}\x0b`, `Content-Length: 0x${hex(n)}`, `Content-Length: ${n}.0`,
  `Content-Length: -${n}`, `Content-Length: ${n}e0`, `Content_Length: ${n}`, `Content-Length:\r\n ${n}`, `Content-Length:\n ${n}`,
  `X: y\nContent-Length: ${n}`, `X: y\rContent-Length: ${n}`, ` Content-Length: ${n}`, `X: y\r\n Content-Length: ${n}`,
  `Content-Length: ${2n ** 64n + BigInt(n)}`, `Content-Length: ${2n ** 32n + BigInt(n)}`, `Connection: Content-Length\r\nContent-Length: ${n}`,
  `Content-Length: 0\nContent-Length: ${n}`, `content-length: ${n}\r\nCONTENT-LENGTH: 0`, `Content-Length: ${String(n).split('').join(' ')}`,
];

export function mutations() {
  const all = [];
  const add = (family, name, bytes) => all.push([family, `${family}: ${JSON.stringify(name)}`, bytes]);

  for (const coding of codings) {
    const clte = last + inner;
    add('CL.TE', coding, post(`Content-Length: ${clte.length}`, coding) + clte);
    add('TE.CL', coding, post(`Content-Length: ${hex(inner.length).length + 2}`, coding) + `${hex(inner.length)}\r\n${inner}\r\n${last}`);
    add('TE alone', coding, post(coding) + last + inner);
    add('TE.TE', coding, post('Transfer-Encoding: chunked', coding) + last + inner);
  }
  for (const length of lengths(inner.length)) {
    add('CL.CL', length, post(length) + inner);
    add('CL of GET', length, head('GET', '/healthz', length) + inner);
  }
  for (const rest of [inner, whole]) {
    const kind = rest === inner ? 'begun' : 'whole';
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'BREW']) {
      for (const target of ['/healthz', '/login', '/inbox', '/no-such-page', '/assets/x/y', '/%2e%2e/healthz']) {
        add('CL.0', `${method} ${target}, ${kind}`, head(method, target, `Content-Length: ${rest.length}`) + rest);
      }
      add('0.CL', `${method}, ${kind}`, head(method, '/healthz', 'Content-Length: 0') + rest);
      add('TE of it', `${method}, ${kind}`, `${head(method, '/healthz', 'Transfer-Encoding: chunked')}${hex(rest.length)}\r\n${rest}\r\n${last}`);
    }
    for (const expect of ['100-continue', '100-Continue', 'y 100-continue', '100-continue, x', '', '200-ok']) {
      add('Expect', `${expect}, ${kind}`, head('POST', '/login', form, `Expect: ${expect}`, `Content-Length: ${rest.length}`) + rest);
      add('Expect', `GET, ${expect}, ${kind}`, head('GET', '/healthz', `Expect: ${expect}`, `Content-Length: ${rest.length}`) + rest);
    }
    for (const more of ['Connection: keep-alive', 'Connection: keep-alive\r\nTransfer-Encoding: chunked', 'Connection: close']) {
      for (const version of ['1.0', '1.1', '0.9', '1.2', '2.0']) {
        add('version', `${version} ${more}, ${kind}`,
          `POST /login HTTP/${version}\r\n${host}\r\n${form}\r\n${more}\r\nContent-Length: ${rest.length}\r\n\r\n${rest}`);
      }
    }
    for (const upgrade of ['h2c', 'websocket', 'TLS/1.0']) {
      add('Upgrade', `${upgrade}, ${kind}`, head('GET', '/healthz', 'Connection: Upgrade', `Upgrade: ${upgrade}`) + rest);
      add('Upgrade', `POST ${upgrade}, ${kind}`, head('POST', '/login', form, 'Connection: Upgrade', `Upgrade: ${upgrade}`, `Content-Length: ${rest.length}`) + rest);
    }
    for (const [name, split] of [['LF LF', '\n\n'], ['CR CR', '\r\r'], ['CRLF LF', '\r\n\n'], ['LF CRLF', '\n\r\n'], ['CRLF NUL CRLF', '\r\n\0\r\n'], ['CRLF SP CRLF', '\r\n \r\n']]) {
      add('end of head', `${name}, ${kind}`, `POST /login HTTP/1.1\r\n${host}\r\n${form}\r\nContent-Length: ${rest.length}${split}${rest}`);
    }
    const chunk = (line, body = rest) => `${post('Transfer-Encoding: chunked')}${line}${body}\r\n${last}`;
    const n = hex(rest.length);
    for (const line of [`${n};a=b\r\n`, `${n};\r\n`, `${n} ;a\r\n`, `${n};a="\r\n"\r\n`, `${n};a\nb\r\n`, `${n};a\rb\r\n`, `0${n}\r\n`,
      `${n}\n`, `${n}\r`, `0x${n}\r\n`, `+${n}\r\n`, `${n} \r\n`, ` ${n}\r\n`, `${n}\t\r\n`, `1${'0'.repeat(16)}${n}\r\n`, `${n};${'x'.repeat(9000)}\r\n`, `-1\r\n`]) {
      add('chunks', `${line.slice(0, 40)}, ${kind}`, chunk(line));
    }
    add('chunks', `a trailer, ${kind}`, `${post('Transfer-Encoding: chunked')}0\r\nContent-Length: ${rest.length}\r\n\r\n${rest}`);
    add('chunks', `a trailer that is a head, ${kind}`, `${post('Transfer-Encoding: chunked')}0\r\n${rest}`);
    add('long', `a head of 15 KiB, ${kind}`, head('POST', '/login', form, `X: ${'x'.repeat(15000)}`, `Content-Length: ${rest.length}`) + rest);
    add('long', `a head of 17 KiB, ${kind}`, head('POST', '/login', form, `X: ${'x'.repeat(17000)}`, `Content-Length: ${rest.length}`) + rest);
    add('long', `a form too big, ${kind}`, head('POST', '/login', form, `Content-Length: ${200000 + rest.length}`) + 'x'.repeat(200000) + rest);
    add('long', `a body too big where none belongs, ${kind}`, head('POST', '/healthz', form, `Content-Length: ${200000 + rest.length}`) + 'x'.repeat(200000) + rest);
    for (const target of ['http://acme.localhost/healthz', 'https://nobody.example/healthz', '*', '/healthz\x00', '/healthz\t', '/%00', '/\xff']) {
      add('target', `${target}, ${kind}`, head('POST', target, form, `Content-Length: ${rest.length}`) + rest);
    }
    for (const odd of ['Host: nobody.example', 'Host:', 'X\0: y', 'X : y', ' X: y', ': y', 'X']) {
      add('odd field', `${odd}, ${kind}`, head('POST', '/login', form, odd, `Content-Length: ${rest.length}`) + rest);
    }
  }
  return all;
}
