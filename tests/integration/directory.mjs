// directory.mjs: who may send what to whom, and what an address stands for, by the rules an
// operator gives a tenant: over the wire, with each rule's opposite beside it.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { startInstallation, scratch } from '../lib/installation.mjs';
import { smtpConnect, compose } from '../lib/smtp.mjs';
import { must, sleep, until } from '../lib/process.mjs';
import { pickUp, signIn } from '../lib/road.mjs';

const stranger = 'somebody@away.example';
const known = 'carol@partner.example';
const server = '127.0.0.5'; // Acme's own, once it is a relay
const memory = 2100; // longer than anything is remembered
let inst;

async function ctl(...args) {
  const { status, stdout, stderr } = await inst.ctl(...args);
  assert.equal(status, 0, `${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
const set = (...args) => ctl('tenant', 'set', '--tenant', 'acme', ...args);

before(async () => {
  inst = await startInstallation();
  // The brake on who names unknown addresses has tests of its own.
  await set('--harvest', '1000000');
  for (const name of ['dave', 'erin', 'gateway']) {
    await ctl('member', 'add', '--tenant', 'acme', '--address', `${name}@acme.example`, '--password-env', 'DEMO_PASSWORD',
      '--token-env', 'DEMO_PASSWORD');
  }
});
after(() => inst?.stop());

/** The replies to MAIL and to each RCPT, as codes; then the session ends. */
async function ask({ from = stranger, to, ...options }) {
  const session = await smtpConnect(inst, { secure: 'none', ...options });
  try {
    const said = [await session.command(`MAIL FROM:<${from}>`)];
    for (const address of [to].flat()) said.push(await session.command(`RCPT TO:<${address}>`));
    return said.map(({ text }) => text.slice(0, 11).trim().replace(/^(\d{3} \d\.\d\.\d+).*/, '$1'));
  } finally {
    await session.quit();
  }
}
const refusal = async (options) => (await ask(options)).find((code) => !code.startsWith('250')) ?? 'taken';

/** Sends one message; who reads it, as "address/account", and its sender. */
async function send({ from = stranger, to, ...options }) {
  const session = await smtpConnect(inst, { secure: 'none', ...options });
  try {
    const reply = await session.mail({ from, to, data: compose({ from: from || 'mailer@away.example', to }) });
    assert.equal(reply.code, 250, `${[to].flat()}: ${reply.text}`);
    const [, id] = /Taken as (\S+)/.exec(reply.text);
    return readers(id);
  } finally {
    await session.quit();
  }
}
async function readers(id) {
  const rows = await inst.rows(`SELECT r.role, r.address_key, a.address_key FROM reader r LEFT JOIN account a
    USING (tenant_id, account_id) WHERE r.message_id = '${id}' ORDER BY r.slot`);
  return {
    sender: rows.filter(([role]) => role === '1').map(([, address]) => address)[0],
    to: rows.filter(([role]) => role === '2').map(([, address]) => address),
    accounts: rows.filter(([role]) => role === '2').map(([,, account]) => account),
  };
}

test('an alias, a tag, both, and capital letters are the member', async () => {
  await ctl('alias', 'add', '--tenant', 'acme', '--address', 'info@acme.example', '--member', 'alice@acme.example');
  for (const to of ['info@acme.example', 'alice+news@acme.example', 'Info+News@Acme.Example', 'ALICE@acme.example',
    '"alice"@acme.example']) {
    const got = await send({ to });
    assert.deepEqual(got.to, ['alice@acme.example'], to);
    assert.deepEqual(got.accounts, ['alice@acme.example'], to);
  }
  // One reader, however many of her names are given.
  const got = await send({ to: ['alice@acme.example', 'info@acme.example', 'alice+x@acme.example', 'dave@acme.example'] });
  assert.deepEqual(got.to, ['alice@acme.example', 'dave@acme.example']);
  assert.equal(await refusal({ to: 'nobody+news@acme.example' }), '550 5.1.1');
  assert.equal(await refusal({ to: '+alice@acme.example' }), '550 5.1.1');
  await set('--plus', 'off');
  assert.equal(await refusal({ to: 'alice+news@acme.example' }), '550 5.1.1');
  assert.equal(await refusal({ to: 'info@acme.example' }), 'taken');
  await set('--plus', 'on');
});

test('somebody new is known at once; who is removed, when restantectl has ended', async () => {
  assert.equal(await refusal({ to: 'new@acme.example' }), '550 5.1.1');
  await ctl('alias', 'add', '--tenant', 'acme', '--address', 'new@acme.example', '--member', 'dave@acme.example');
  assert.equal(await refusal({ to: 'new@acme.example' }), 'taken');
  await ctl('alias', 'remove', '--tenant', 'acme', '--address', 'new@acme.example');
  assert.equal(await refusal({ to: 'new@acme.example' }), '550 5.1.1');
});

test('postmaster is an administrator where nobody is called so', async () => {
  for (const to of ['postmaster@acme.example', 'Postmaster@ACME.example', 'postmaster']) {
    assert.deepEqual((await send({ to })).to, ['admin@acme.example'], to);
  }
  assert.deepEqual((await send({ to: 'postmaster@globex.example' })).to, ['admin@globex.example']);
  await ctl('alias', 'add', '--tenant', 'acme', '--address', 'postmaster@acme.example', '--member', 'dave@acme.example');
  await sleep(memory);
  assert.deepEqual((await send({ to: 'postmaster@acme.example' })).to, ['dave@acme.example']);
});

test('catch-all: off, until there is one; bounces are not caught', async () => {
  assert.equal(await refusal({ to: 'anything@acme.example' }), '550 5.1.1');
  await set('--catch-all', 'erin@acme.example');
  await sleep(150);
  assert.deepEqual((await send({ to: 'anything@acme.example' })).to, ['erin@acme.example']);
  assert.equal(await refusal({ from: '', to: 'anything@acme.example' }), '550 5.1.1');
  assert.equal(await refusal({ to: 'anything@globex.example' }), '550 5.1.1');
  await set('--catch-all', 'off');
  assert.equal(await refusal({ to: 'anything@acme.example' }), '550 5.1.1');
});

test('lists: each reader once, lists in lists, loops, and who may write to them', async () => {
  const list = (verb, name, ...more) => ctl('list', verb, '--tenant', 'acme', '--list', `${name}@acme.example`, ...more);
  const join = async (name, ...addresses) => {
    for (const address of addresses) await list('join', name, '--address', address);
  };
  await list('add', 'staff');
  await list('add', 'everyone', '--open');
  await list('add', 'empty', '--open');
  await list('add', 'abroad', '--open');
  await join('staff', 'alice@acme.example', 'info@acme.example', 'dave@acme.example', 'everyone@acme.example');
  await join('everyone', 'staff@acme.example', 'erin@acme.example', 'dave@acme.example', 'gone@acme.example');
  await join('abroad', known, 'erin@acme.example');
  await join('empty', 'empty@acme.example', 'gone@acme.example');
  const sorted = async (options) => (await send(options)).to.sort();
  assert.deepEqual(await sorted({ to: 'everyone@acme.example' }),
    ['alice@acme.example', 'dave@acme.example', 'erin@acme.example']);
  assert.deepEqual(await sorted({ to: ['alice@acme.example', 'everyone@acme.example', 'everyone@acme.example'] }),
    ['alice@acme.example', 'dave@acme.example', 'erin@acme.example']);
  // A closed list: members alone; a bounce to none; what reaches outside: who may write there.
  assert.equal(await refusal({ to: 'staff@acme.example' }), '550 5.7.1');
  assert.equal(await refusal({ from: '', to: 'everyone@acme.example' }), '550 5.7.1');
  assert.equal(await refusal({ to: 'abroad@acme.example' }), '550 5.7.1');
  assert.equal(await refusal({ to: 'empty@acme.example' }), '550 5.2.4');
  const member = { secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example' };
  assert.deepEqual(await sorted({ ...member, to: 'staff@acme.example' }),
    ['alice@acme.example', 'dave@acme.example', 'erin@acme.example']);
  assert.deepEqual(await sorted({ ...member, to: 'abroad@acme.example' }), [known, 'erin@acme.example']);
  // A refused list leaves the transaction as it was.
  assert.deepEqual(await ask({ to: ['dave@acme.example', 'abroad@acme.example', 'erin@acme.example'] }),
    ['250 2.1.0', '250 2.1.5', '550 5.7.1', '250 2.1.5']);
  // As deep as lists may lie in lists, and one deeper.
  for (let i = 1; i <= 9; i++) await list('add', `deep${i}`, '--open');
  for (let i = 1; i < 9; i++) await join(`deep${i}`, `deep${i + 1}@acme.example`);
  await join('deep9', 'dave@acme.example');
  assert.deepEqual(await sorted({ to: 'deep2@acme.example' }), ['dave@acme.example']);
  assert.equal(await refusal({ to: 'deep1@acme.example' }), '550 5.2.4');
});

test('a list fills a message up to its limit, and not past it', async () => {
  const id = (await inst.rows(`SELECT tenant_id FROM tenant WHERE slug = 'acme'`))[0][0];
  const fill = async (name, n) => {
    await ctl('list', 'add', '--tenant', 'acme', '--list', `${name}@acme.example`);
    await inst.psql(`INSERT INTO mail_list_entry (tenant_id, list_id, address_key)
      SELECT '${id}', list_id, 'reader' || i || '@many.example' FROM mail_list, generate_series(1, ${n}) i
      WHERE address_key = '${name}@acme.example'`);
  };
  await fill('thousand', 1000);
  await fill('more', 1001);
  const member = { secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example' };
  assert.deepEqual(await ask({ ...member, to: ['thousand@acme.example', 'reader7@many.example', known] }),
    ['250 2.1.0', '250 2.1.5', '250 2.1.5', '452 4.5.3']);
  assert.deepEqual(await ask({ ...member, to: [known, 'thousand@acme.example'] }), ['250 2.1.0', '250 2.1.5', '452 4.5.3']);
  assert.equal(await refusal({ ...member, to: 'more@acme.example' }), '550 5.2.4');
});

test('a relay by its network sends for its tenant, to anybody; others do not', async () => {
  const relay = { localAddress: server };
  const outward = { from: 'alice@acme.example', to: known };
  assert.equal(await refusal({ ...relay, ...outward }), '553 5.7.1');
  const { id } = JSON.parse(await ctl('relay', 'add', '--tenant', 'acme', '--range', `${server}/32`, '--label', 'gateway', '--json'));
  await sleep(150);
  let got = await send({ ...relay, ...outward });
  assert.deepEqual([got.sender, got.to], ['alice@acme.example', [known]]);
  got = await send({ ...relay, from: 'no-reply@acme.example', to: [known, 'bob@globex.example', 'dave@acme.example'] });
  assert.deepEqual(got.to, [known, 'bob@globex.example', 'dave@acme.example']);
  assert.deepEqual(got.accounts, ['', '', 'dave@acme.example']); // Bob's account is not Acme's to know
  const notice = await inst.catcher.wait({ to: known, subject: /^no-reply@acme\.example \(Acme Bank\) sent you/ });
  assert.match(notice.text, /^no-reply@acme\.example at Acme Bank has sent you/);
  // For nobody else, and nothing outward without an address of its tenant.
  assert.equal(await refusal({ ...relay, from: 'bob@globex.example', to: known }), '553 5.7.1');
  assert.equal(await refusal({ ...relay, from: stranger, to: known }), '550 5.7.1');
  assert.equal(await refusal({ ...relay, from: '', to: known }), '550 5.7.1');
  assert.equal(await refusal({ ...relay, from: '', to: 'alice@acme.example' }), 'taken');
  assert.equal(await refusal({ ...relay, from: 'x@sub.acme.example', to: known }), '550 5.7.1');
  // Its neighbours are strangers.
  for (const localAddress of ['127.0.0.1', '127.0.0.4', '127.0.0.6', '127.0.1.5']) {
    assert.equal(await refusal({ localAddress, ...outward }), '553 5.7.1', localAddress);
  }
  await ctl('relay', 'remove', '--tenant', 'acme', id);
  assert.equal(await refusal({ ...relay, ...outward }), '553 5.7.1');
});

test('a relay by AUTH sends for its tenant; a member for itself', async () => {
  const as = (user) => ({ secure: 'starttls', auth: user });
  const outward = { from: 'dave@acme.example', to: known };
  assert.equal(await refusal({ ...as('gateway@acme.example'), ...outward }), '553 5.7.1');
  await ctl('relay', 'add', '--tenant', 'acme', '--account', 'gateway@acme.example');
  assert.match(await ctl('relay', 'list', '--tenant', 'acme'), /^\S{36} account +gateway@acme\.example /m);
  await sleep(150);
  const got = await send({ ...as('gateway@acme.example'), ...outward });
  assert.deepEqual([got.sender, got.to], ['dave@acme.example', [known]]);
  assert.equal(await refusal({ ...as('gateway@acme.example'), from: 'bob@globex.example', to: known }), '553 5.7.1');
  assert.equal(await refusal({ ...as('gateway@acme.example'), from: stranger, to: known }), '553 5.7.1');
  assert.equal(await refusal({ ...as('gateway@acme.example'), from: '', to: known }), '550 5.7.1');
  assert.equal(await refusal({ ...as('gateway@acme.example'), from: '', to: 'dave@acme.example' }), 'taken');
  assert.equal(await refusal({ ...as('gateway@acme.example'), from: '', to: 'bob@globex.example' }), '452 4.5.3');
  assert.equal(await refusal({ ...as('dave@acme.example'), from: 'alice@acme.example', to: known }), '553 5.7.1');
  assert.equal(await refusal({ ...as('dave@acme.example'), from: 'dave+x@acme.example', to: known }), '553 5.7.1');
});

test('a tenant\'s domain is no stranger\'s to send under, whether there is such a member or not', async () => {
  for (const from of ['alice@acme.example', 'nobody@acme.example', 'ALICE@ACME.EXAMPLE', 'bob@globex.example', '"alice"@acme.example',
    '@away.example:alice@acme.example']) {
    assert.equal(await refusal({ from, to: 'dave@acme.example' }), '553 5.7.1', from);
  }
  for (const from of ['alice@sub.acme.example', 'alice@notacme.example', 'alice@acme.example.away.example', stranger, '']) {
    assert.equal(await refusal({ from, to: 'dave@acme.example' }), 'taken', from);
  }
});

test('never an open relay, however the address is written', async () => {
  const forms = [known, 'CAROL@PARTNER.EXAMPLE', '"carol"@partner.example', 'carol%partner.example@acme.example',
    'partner.example!carol@acme.example', '"carol@partner.example"@acme.example', '"carol%partner.example"@acme.example',
    '"partner.example!carol"@acme.example', '@acme.example:carol@partner.example', '@acme.example,@globex.example:carol@partner.example',
    'carol@partner.example@acme.example', '"alice@acme.example"@partner.example', 'alice%acme.example@partner.example',
    'carol@partner.example%acme.example', 'alice@acme.example,carol@partner.example', 'alice@acme.example carol@partner.example',
    'alice@sub.acme.example', 'alice@xacme.example', 'alice@acme.example.partner.example', 'alice@acme.examples', 'alice@acme',
    'alice@example', 'alice@acme.example.', 'alice@acme.example..', 'alice@.acme.example', 'alice@acme..example', 'carol@partner.example.',
    'alice@[127.0.0.1]', 'alice@127.0.0.1', 'alice@[IPv6:::1]', 'alice@localhost', '"alice@acme.example', 'alice@acme.example"',
    'carol#partner.example@acme.example', 'carol=partner.example@acme.example', 'carol/partner.example@acme.example',
    'smtp:carol@partner.example', 'smtp:carol%partner.example@acme.example', '|/bin/sh@acme.example', '"|/bin/sh"@acme.example',
    ':include:/etc/passwd@acme.example', 'alice\\@acme.example@partner.example', 'alice@acme.example>,<carol@partner.example',
    '@partner.example', 'carol@', '@', '" "@partner.example', 'alice@acm\u0435.example', 'alice@\u0430cme.example',
    'alice@xn--cme-7cd.example', 'carol+alice@partner.example', 'postmaster@partner.example', 'info@partner.example'];
  const before = Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);
  for (const secure of ['none', 'starttls']) {
    for (const to of forms) {
      const session = await smtpConnect(inst, { secure });
      for (const from of [stranger, '', known]) {
        for (const more of /[^\x20-\x7e]/.test(to) ? ['', ' SMTPUTF8'] : ['']) {
          assert.equal((await session.command(`MAIL FROM:<${from}>${more}`)).code, 250);
          const { text } = await session.command(`RCPT TO:<${to}>`);
          assert.match(text, /^5\d\d /, `${to} of <${from}>: ${text}`);
          assert.match((await session.command('DATA')).text, /^5\d\d /, to);
          await session.command('RSET');
        }
      }
      session.close();
    }
  }
  assert.equal(Number((await inst.rows('SELECT count(*) FROM message'))[0][0]), before);
  // The control: who may write outside is taken, and seen.
  const got = await send({ secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example', to: '"carol"@partner.example' });
  assert.deepEqual(got.to, [known]);
});

test('a partner\'s mail comes over TLS, and under its certificate where it is pinned', async () => {
  const mail = { from: 'pat@bank.example', to: 'alice@acme.example' };
  assert.equal(await refusal(mail), 'taken');
  await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'Bank.example');
  assert.equal(await refusal(mail), '550 5.7.10');
  assert.equal(await refusal({ ...mail, from: 'PAT@BANK.EXAMPLE' }), '550 5.7.10');
  assert.equal(await refusal({ ...mail, from: '@away.example:pat@bank.example' }), '550 5.7.10');
  assert.equal(await refusal({ ...mail, to: 'nobody@acme.example' }), '550 5.7.10');
  assert.equal(await refusal({ ...mail, secure: 'starttls' }), 'taken');
  assert.equal(await refusal({ ...mail, to: 'bob@globex.example' }), 'taken'); // Globex has no such agreement
  assert.equal(await refusal({ ...mail, from: 'pat@sub.bank.example' }), 'taken');
  await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'bank.example', '--pin', 'ab:'.repeat(32).slice(0, -1));
  assert.equal(await refusal(mail), '550 5.7.10');
  assert.equal(await refusal({ ...mail, secure: 'starttls' }), '550 5.7.1');
  await ctl('partner', 'remove', '--tenant', 'acme', '--domain', 'bank.example');
  assert.equal(await refusal(mail), 'taken');
});

/** An authority and two certificates, one under it and one that says it is; and their fingerprints. */
async function certificates(dir) {
  const at = (name) => path.join(dir, name);
  const make = (name, subject, ...more) => must('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', `/CN=${subject}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), ...more]);
  await make('ca', 'Authority', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign');
  await make('leaf', 'mail.bank.example', '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE');
  await make('forged', 'mail.bank.example', '-addext', 'basicConstraints=critical,CA:FALSE');
  const read = (name) => fs.readFile(at(name), 'utf8');
  const print = async (name) => (await must('openssl', ['x509', '-in', at(name), '-noout', '-fingerprint', '-sha256'])).trim().split('=')[1];
  const ca = await read('ca.pem');
  return {
    leaf: { cert: `${await read('leaf.pem')}${ca}`, key: await read('leaf.key') },
    forged: { cert: `${await read('forged.pem')}${ca}`, key: await read('forged.key') },
    print: { ca: await print('ca.pem'), leaf: await print('leaf.pem') },
  };
}

test('by certificate: a relay, a pinned partner, and one under a pinned authority', async () => {
  const dir = await scratch();
  const { leaf, forged, print } = await certificates(dir);
  const tls = { secure: 'starttls', shown: leaf };
  const outward = { from: 'alice@acme.example', to: known };
  assert.equal(await refusal({ ...tls, ...outward }), '553 5.7.1');
  const { id } = JSON.parse(await ctl('relay', 'add', '--tenant', 'acme', '--certificate', print.leaf, '--json'));
  await sleep(150);
  for (const secure of ['starttls', 'implicit']) {
    const got = await send({ ...tls, secure, ...outward });
    assert.deepEqual([got.sender, got.to], ['alice@acme.example', [known]]);
  }
  assert.equal(await refusal({ ...outward }), '553 5.7.1');
  assert.equal(await refusal({ ...outward, secure: 'starttls' }), '553 5.7.1');
  assert.equal(await refusal({ ...outward, secure: 'starttls', shown: forged }), '553 5.7.1');
  await ctl('relay', 'remove', '--tenant', 'acme', id);
  const mail = { from: 'pat@pinned.example', to: 'alice@acme.example', secure: 'starttls' };
  for (const pin of [print.leaf, print.ca]) {
    await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'pinned.example', '--pin', pin);
    assert.equal(await refusal({ ...mail, shown: leaf }), 'taken', pin);
    assert.equal(await refusal({ ...mail, shown: forged }), '550 5.7.1');
    assert.equal(await refusal(mail), '550 5.7.1');
    assert.equal(await refusal({ ...mail, secure: 'none' }), '550 5.7.10');
  }
  await fs.rm(dir, { recursive: true });
});

test('from whom a tenant takes mail: anyone, known senders, partners', async () => {
  await send({ secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example', to: known });
  await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'bank.example', '--clear-in');
  const to = 'alice@acme.example';
  const table = async () => ({
    stranger: await refusal({ to }),
    known: await refusal({ from: known, to }),
    partner: await refusal({ from: 'pat@bank.example', to }),
    bounce: await refusal({ from: '', to }),
    bounces: await refusal({ from: '', to: [to, 'dave@acme.example'] }),
    nobody: await refusal({ to: 'nobody@acme.example' }),
    globex: await refusal({ to: 'bob@globex.example' }),
    member: await refusal({ secure: 'starttls', auth: 'dave@acme.example', from: 'dave@acme.example', to }),
  });
  const all = { stranger: 'taken', known: 'taken', partner: 'taken', bounce: 'taken', bounces: 'taken', nobody: '550 5.1.1',
    globex: 'taken', member: 'taken' };
  assert.deepEqual(await table(), all);
  const not = '550 5.7.1';
  await set('--inward', 'known');
  assert.deepEqual(await table(), { ...all, stranger: not, nobody: not, bounces: not });
  await set('--inward', 'partners');
  assert.deepEqual(await table(), { ...all, stranger: not, nobody: not, known: not, bounce: not, bounces: not });
  await set('--inward', 'anyone');
  await sleep(150);
  assert.deepEqual(await table(), all);
});

test('mail to a partner who was promised TLS asks for it all the way, or fails', async () => {
  const member = { secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example' };
  const told = async (to) => {
    const before = new Set((await inst.rows('SELECT message_id FROM message')).map(([id]) => id));
    await send({ ...member, to });
    const [id] = (await inst.rows('SELECT message_id FROM message ORDER BY created DESC LIMIT 1'))[0];
    assert.ok(!before.has(id));
    return until(async () => (await inst.rows(`SELECT kind FROM event WHERE message_id = '${id}' AND kind IN (3, 4)`))[0]?.[0],
      { what: `the notice to ${to}`, timeout: 30000 });
  };
  await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'strict.example', '--tls-out');
  await ctl('partner', 'add', '--tenant', 'acme', '--domain', 'lenient.example');
  assert.equal(await told('pat@Strict.example'), '4', 'the catcher does not offer REQUIRETLS');
  assert.equal(await told('pat@lenient.example'), '3');
  assert.equal(await told('pat@sub.strict.example'), '3');
});

test('what is written in the portal goes the same ways', async () => {
  const write = async (visitor, fields, where = '/compose') => {
    await visitor.go(where);
    return visitor.submit({ subject: 'Written', body: 'Hello.', ...fields }, { which: /name="body"/ });
  };
  const newest = async () => (await readers((await inst.rows('SELECT message_id FROM message ORDER BY created DESC LIMIT 1'))[0][0]));
  const alice = await signIn(inst, 'acme.localhost', 'alice@acme.example');
  let page = await write(alice, { to: 'staff@acme.example, info+x@acme.example' });
  assert.equal(page.status, 200, page.text);
  assert.deepEqual((await newest()).to.sort(), ['alice@acme.example', 'dave@acme.example', 'erin@acme.example']);
  page = await write(alice, { to: 'abroad@acme.example' });
  assert.deepEqual((await newest()).to.sort(), [known, 'erin@acme.example']);
  assert.equal((await write(alice, { to: 'empty@acme.example' })).status, 400);
  assert.equal((await write(alice, { to: 'nobody@acme.example' })).status, 400);
  // A guest answers whatever the tenant takes from strangers, but writes to nobody outside and to no closed list.
  await set('--inward', 'partners');
  const before = await inst.catcher.mails({ to: 'gina@guests.example' });
  await send({ secure: 'starttls', auth: 'alice@acme.example', from: 'alice@acme.example', to: 'gina@guests.example' });
  const notice = await inst.catcher.wait({ to: 'gina@guests.example', after: before });
  const { visitor } = await pickUp(inst, 'acme.localhost', 'gina@guests.example', notice);
  const where = `/compose?reply=${visitor.path.match(/message\/([0-9a-f-]{36})/)[1]}`;
  page = await write(visitor, { to: 'info@acme.example' }, where);
  assert.equal(page.status, 200, page.text);
  assert.deepEqual((await newest()).to, ['alice@acme.example']);
  for (const to of [known, 'staff@acme.example', 'abroad@acme.example', 'nobody@acme.example']) {
    assert.equal((await write(visitor, { to }, where)).status, 400, to);
  }
  await set('--inward', 'anyone');
});

test('a transaction is one tenant\'s', async () => {
  assert.deepEqual(await ask({ to: ['alice@acme.example', 'bob@globex.example', 'dave@acme.example'] }),
    ['250 2.1.0', '250 2.1.5', '452 4.5.3', '250 2.1.5']);
  assert.deepEqual(await ask({ to: ['bob@globex.example', 'info@acme.example'] }), ['250 2.1.0', '250 2.1.5', '452 4.5.3']);
});

test('what an operator sets is shown, and what makes no sense is refused', async () => {
  await set('--way', 'both', '--server', 'mail.acme.example:2525', '--tag', '[secure]', '--messages', 'unknown=10,trusted=default');
  const shown = JSON.parse(await set('--json'));
  assert.deepEqual([shown.way, shown.server, shown.port, shown.tag, shown.messages],
    ['both', 'mail.acme.example', 2525, '[secure]', { unknown: 10, known: null, trusted: null }]);
  // Whose authorities that server is checked under; a file that is only said to hold some is not taken.
  assert.equal(shown.authorities, 0);
  const ca = path.join(inst.state, 'tls/ca.pem'), bad = path.join(inst.state, 'bad.pem');
  await fs.writeFile(bad, `${await fs.readFile(ca)}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
  assert.match(await set('--authority', ca), /^authority +its own$/m);
  const { status: taken, stderr: why } = await inst.ctl('tenant', 'set', '--tenant', 'acme', '--authority', bad);
  assert.deepEqual([taken, /no certificates in PEM/.test(why)], [1, true]);
  assert.equal(JSON.parse(await set('--json')).authorities, 1);
  assert.match(await set('--authority', 'none'), /^authority +the system's$/m);
  await set('--way', 'portal', '--server', 'none', '--tag', '', '--messages', 'unknown=default');
  const refused = [['tenant', 'set', '--way', 'forward'], ['tenant', 'set', '--inward', 'some'], ['tenant', 'set', '--catch-all', known],
    ['tenant', 'set', '--catch-all', 'nobody@acme.example'], ['tenant', 'set', '--messages', 'all=1'],
    ['relay', 'add', '--range', '0.0.0.0/0'], ['relay', 'add', '--range', '::/0'], ['relay', 'add', '--range', '10.0.0.0/33'],
    ['relay', 'add', '--range', '10.0.0.5/8'], ['relay', 'add', '--range', '2001:db8::1/48'],
    ['relay', 'add'], ['relay', 'add', '--account', 'nobody@acme.example'], ['relay', 'add', '--account', 'bob@globex.example'],
    ['relay', 'add', '--certificate', 'abcd'], ['relay', 'remove', '00000000-0000-7000-8000-000000000000'],
    ['partner', 'add', '--domain', 'not a domain'], ['partner', 'add', '--domain', 'a.example', '--pin', 'zz'],
    ['partner', 'remove', '--domain', 'none.example'],
    ['alias', 'add', '--address', 'alice@acme.example', '--member', 'dave@acme.example'],
    ['alias', 'add', '--address', 'x@globex.example', '--member', 'dave@acme.example'],
    ['alias', 'add', '--address', 'x@acme.example', '--member', 'nobody@acme.example'],
    ['alias', 'add', '--address', 'staff@acme.example', '--member', 'dave@acme.example'],
    ['list', 'add', '--list', 'alice@acme.example'], ['list', 'add', '--list', 'x@partner.example'],
    ['list', 'join', '--list', 'nolist@acme.example', '--address', known], ['list', 'show', '--list', 'nolist@acme.example']];
  for (const [noun, verb, ...more] of refused) {
    const { status, stderr } = await inst.ctl(noun, verb, '--tenant', 'acme', ...more);
    assert.ok(status === 1 || status === 2, `${noun} ${verb} ${more.join(' ')}: ${status}`);
    assert.match(stderr, /^restantectl: .+/, `${noun} ${verb} ${more.join(' ')}`);
    assert.doesNotMatch(stderr, /SQLSTATE/);
  }
  const shows = JSON.parse(await ctl('list', 'show', '--tenant', 'acme', '--list', 'everyone@acme.example', '--json'));
  assert.deepEqual(shows.map(({ address, kind }) => `${address} ${kind}`),
    ['dave@acme.example member', 'erin@acme.example member', 'gone@acme.example nobody', 'staff@acme.example list']);
});
