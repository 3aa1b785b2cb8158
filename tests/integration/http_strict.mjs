// http_strict.mjs: what the front takes for a request and what it refuses, over real
// connections: our own table (tests/lib/heads.mjs), whole, cut at every byte and byte by
// byte; and the request cases of llhttp's parser, which lie in CORPORA (default
// ../shared/corpora): all that it refuses is refused, all that it takes is served
// or refused for a reason that the request itself shows.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startInstallation } from '../lib/installation.mjs';
import { Wire, portalOf } from '../lib/wire.mjs';
import { heads, lines, requestLines, framing } from '../lib/heads.mjs';
import { llhttpCases, llhttpFolder } from '../lib/llhttp.mjs';

let inst;
before(async () => { inst = await startInstallation(); });
after(async () => { await inst?.stop(); });

const shown = (bytes) => JSON.stringify(bytes.length > 120 ? `${bytes.slice(0, 120)}...` : bytes);

/** Runs `work` over a list, some at a time; all failures together. */
async function each(list, work, width = 12) {
  const failures = [];
  const queue = [...list.entries()];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let item = queue.shift(); item; item = queue.shift()) {
      await work(item[1], item[0]).catch((error) => { failures.push(error.message); });
    }
  }));
  const told = failures.slice(0, 40).join('\n');
  assert.ok(failures.length === 0, `${failures.length} of ${list.length}:\n${told}`);
}

// A refusal of the front ends the connection; an answer of a page need not.
const isRefusal = (status) => status >= 400 && ![403, 404, 405, 422].includes(status);

/** What came back for these bytes, sent by `send(wire)`. */
async function exchange(send, { methods, quiet = 1500, first = 5000 } = {}) {
  const wire = await Wire.open(portalOf(inst));
  try {
    await send(wire);
    await wire.wait(() => (wire.bytes.length || wire.closed ? true : undefined), first);
    return await wire.all({ methods, quiet });
  } finally {
    wire.close();
  }
}

function judge([name, bytes, wanted, { closes, keeps, either, anything } = {}], { answers, closed, rest }) {
  const list = [].concat(wanted).map((one) => [].concat(one));
  const got = answers.filter(({ status }) => anything || status !== 100).map(({ status }) => status);
  const told = `${name}: ${shown(bytes)} gave ${got.join(', ') || 'nothing'}${closed ? ', closed' : ', open'}, ` +
    `wanted ${list.map((one) => one.join('|')).join(', ')}`;
  const right = list.every((one, i) => one.includes(got[i]));
  assert.ok(right && (anything || got.length === list.length), told);
  if (anything) return;
  assert.equal(rest.length, 0, `${told}: ${rest.length} octets more`);
  const last = got.at(-1);
  const says = answers.at(-1).headers.connection === 'close';
  assert.equal(says, Boolean(closed), `${told}: ${says ? 'says that it closes' : 'does not say that it closes'}`);
  if (either) return;
  if (closes ?? (keeps === undefined && isRefusal(last))) assert.ok(closed, `${told}: not closed`);
  else if (keeps ?? !isRefusal(last)) assert.ok(!closed, `${told}: closed`);
}

// How long we listen for one answer more than there should be.
const listen = (row) => ({ methods: row[3]?.methods, quiet: 700 });

test('our table, each at once', () => each(heads, async (row) => {
  judge(row, await exchange((wire) => wire.send(row[1]), listen(row)));
}));

test('our table, byte by byte', () => each(heads, async (row) => {
  const step = row[1].length > 4096 ? 97 : 1;
  judge(row, await exchange((wire) => wire.drip(row[1], step), listen(row)));
}));

const sample = ['two in a row', 'chunked beside a length', 'a body, then a request', 'bare LF behind a field',
  'CR CR LF behind a field', 'a folded value', 'HTTP/2.0', 'a tab behind the target'];

test('a sample, cut in two at every byte', async () => {
  const rows = [...framing, ...lines, ...requestLines].filter(([name]) => sample.includes(name));
  assert.equal(rows.length, sample.length);
  const cuts = rows.flatMap((row) => Array.from({ length: row[1].length - 1 }, (_, i) => ({ row, at: i + 1 })));
  await each(cuts, async ({ row, at }) => {
    const told = [`${row[0]}, cut at ${at}`, ...row.slice(1)];
    judge(told, await exchange(async (wire) => {
      wire.send(row[1].slice(0, at));
      await new Promise((done) => setTimeout(done, 4));
      wire.send(row[1].slice(at));
    }, { quiet: 150 }));
  }, 16);
});

// ---- llhttp ----

const corpus = await llhttpCases();
const absent = corpus ? false : `no folder ${llhttpFolder}`;

const requestLine = /^([A-Z-]+ \S+ HTTP\/1\.[01])\r\n/gm;
/** The same with a Host in every head that has none: else that alone would be refused. */
const withHost = (bytes) => bytes.replace(requestLine, (all, first, at) => {
  const head = bytes.slice(at).split('\r\n\r\n')[0];
  return /\r\nhost:/i.test(head) ? all.replace('\r\n', '\r\n') : `${first}\r\nHost: acme.localhost\r\n`;
});
/** And with the host of ours in place of another. */
const ourHost = (bytes) => withHost(bytes).replace(/^host:[^\r\n]*/gim, 'Host: acme.localhost');

const methodsOf = (bytes) => [...bytes.matchAll(requestLine)].map(([, first]) => first.split(' ')[0]);
const lacksBody = (bytes) => {
  const [, length, body] = bytes.match(/\r\ncontent-length: *(\d+)[^]*?\r\n\r\n([^]*)/i) ?? [];
  return Number(length) > (body ?? '').length;
};

test('llhttp: what its strict parser refuses is refused', { skip: absent }, async () => {
  const refused = corpus.filter((one) => one.refusal);
  assert.ok(refused.length > 40, `only ${refused.length} cases`);
  const variants = refused.flatMap((one) => [one, { ...one, name: `${one.name}, with Host`, bytes: ourHost(one.bytes) }]);
  await each(variants, async ({ name, bytes, refusal, messages }) => {
    // A head that it refuses before its end may wait for our deadline.
    const { answers, closed } = await exchange((wire) => wire.send(bytes), { methods: methodsOf(bytes), quiet: 30000, first: 30000 });
    const got = `${name} (${refusal}): ${shown(bytes)} gave ${answers.map(({ status }) => status).join(', ') || 'nothing'}`;
    assert.ok(closed, `${got}, and was not closed`);
    if (/Data after/.test(refusal)) {
      assert.ok(answers.length <= messages, `${got}: what came behind the close was answered`);
      return;
    }
    assert.ok(answers.length >= 1 && answers.length <= messages + 1, got);
    assert.ok(answers.at(-1).status >= 400, got);
    assert.equal(answers.at(-1).headers.connection, 'close', got);
  }, 24);
});

// What the first head shows that a strict front may refuse, and with which statuses.
function reasons(bytes) {
  const [head] = bytes.replace(/^(\r\n)+/, '').split('\r\n\r\n');
  const [first, ...rest] = head.split('\r\n');
  const [method, target = '', version = ''] = first.split(' ');
  const fields = rest.map((text) => [text.split(':')[0].trim().toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]);
  const value = (name) => fields.find(([key]) => key === name)?.[1];
  const count = (name) => fields.filter(([key]) => key === name).length;
  const takesBody = ['POST', 'PUT', 'PATCH'].includes(method);
  const all = [
    ['method not known', [501], !['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method)],
    ['not HTTP/1.x', [400, 505], !/^HTTP\/1\.[01]$/.test(version)],
    ['no Host', [400], version === 'HTTP/1.1' && count('host') === 0],
    ['a Host that is none', [400], count('host') === 1 && !/^[\w.-]*(:\d*)?$|^\[[0-9a-f:]+\](:\d*)?$/i.test(value('host'))],
    ['a host that is not ours', [400, 404, 421], count('host') === 1 && value('host') !== 'acme.localhost'],
    ['chunked', [400, 411, 501], count('transfer-encoding') > 0],
    ['no length', [411], takesBody && count('content-length') === 0],
    ['a body where none belongs', [400], !takesBody && Number(value('content-length') ?? 0) > 0],
    ['a target of another form', [400, 421], !target.startsWith('/')],
    ['a fragment', [400], target.includes('#')],
    ['a target with octets that belong escaped', [400], /[^\x21-\x7e]|["<>\\^`{|}]/.test(target)],
    ['an empty line first', [400], bytes.startsWith('\r\n')],
    ['a folded field', [400], rest.some((text) => /^[ \t]/.test(text))],
    ['a control character', [400], /[^\t\x20-\x7e\x80-\xff\r\n]/.test(head)],
    ['Connection that names a field', [400], /content-length/i.test(value('connection') ?? '')],
    ['a body of another type than a form', [415], takesBody &&
      !/^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(value('content-type') ?? '')],
    ['a password or code is asked for', [400, 401, 403], takesBody],
    ['a length with leading zeros', [400], /^0\d/.test(value('content-length') ?? '')],
  ];
  return all.filter(([, , here]) => here);
}

test('llhttp: what it takes is served or refused for a reason', { skip: absent }, async () => {
  const table = new Map();
  const note = (reason, name) => table.set(reason, [...(table.get(reason) ?? []), name]);
  const taken = corpus.filter((one) => !one.refusal);
  assert.ok(taken.length > 60, `only ${taken.length} cases`);
  const variants = taken.flatMap((one) => [one, { ...one, name: `${one.name}, with Host`, bytes: ourHost(one.bytes) }]);
  await each(variants, async ({ name, bytes, messages, heads: whole }) => {
    const { answers, closed } = await exchange((wire) => wire.send(bytes), { methods: methodsOf(bytes), quiet: 700, first: 2500 });
    const told = `${name}: ${shown(bytes)} gave ${answers.map(({ status }) => status).join(', ') || 'nothing'}${closed ? ', closed' : ''}`;
    const status = answers.find((one) => one.status !== 100)?.status;
    if (status === undefined) {
      assert.ok(!closed && (messages === 0 || whole === 0 || lacksBody(bytes)), `${told}: no answer to a whole request`);
      note('unfinished: more is waited for', name);
      return;
    }
    const known = reasons(bytes).find(([, statuses]) => statuses.includes(status));
    if (known) note(`refused: ${known[0]}, ${status}`, name);
    else if (status < 400 || status === 404 || status === 405) note(`served: ${status < 400 ? 'a page' : status}`, name);
    else assert.fail(`${told}: for no reason that it shows`);
  }, 24);
  const rows = [...table].sort((a, b) => b[1].length - a[1].length)
    .map(([reason, names]) => `${String(names.length).padStart(4)}  ${reason}`);
  console.log(`llhttp, ${variants.length} requests that its strict parser takes:\n${rows.join('\n')}`);
  assert.ok([...table].some(([reason]) => reason.startsWith('served')), 'nothing was served');
});
