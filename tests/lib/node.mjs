// node.mjs: runs test files, prints what failed and why, and counts.
//   node tests/lib/node.mjs NAME file...
// Ends with "NAME: N passed, N failed". A file that runs no test is a failure;
// a skipped test is said aloud and counts for nothing. What a test says in lines that begin
// with "said: " is shown in any case, other output where something failed.
import { run } from 'node:test';
import path from 'node:path';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const [name, ...files] = process.argv.slice(2);
const noisy = new Map();
const ran = new Map(files.map((file) => [path.resolve(file), 0]));
let passed = 0;
let failed = 0;

const title = ({ file, name: test }) => `${path.basename(file ?? '')}: ${test}`;
const isFile = ({ name: test, file }) => test === file || ran.has(path.resolve(test));

function onPass(data) {
  if (isFile(data) || data.details?.type === 'suite') return;
  ran.set(data.file, (ran.get(data.file) ?? 0) + 1);
  if (data.skip !== undefined || data.todo !== undefined) {
    console.log(`skip  ${title(data)} ${data.skip === true ? '' : data.skip ?? ''}`);
    return;
  }
  passed += 1;
  console.log(`ok    ${title(data)} (${Math.round(data.details.duration_ms)} ms)`);
}

function onFail(data) {
  const error = data.details?.error;
  ran.set(data.file, (ran.get(data.file) ?? 0) + 1);
  if (error?.failureType === 'subtestsFailed') return;
  failed += 1;
  const cause = error?.cause?.stack ?? error?.cause ?? error?.message;
  console.log(`FAIL  ${title(data)}\n${String(cause).replace(/^/gm, '      ')}`);
}

if (!files.length) {
  failed += 1;
  console.log(`FAIL  ${name}: no test file`);
}
const concurrency = Number(process.env.JOBS) || availableParallelism();
const events = files.length ? run({ files: [...ran.keys()], concurrency, timeout: 600000 }) : [];
for await (const { type, data } of events) {
  if (data.file?.startsWith('file:')) data.file = fileURLToPath(data.file); // Node 18
  if (type === 'test:pass') onPass(data);
  else if (type === 'test:fail') onFail(data);
  else if (type === 'test:stdout' || type === 'test:stderr') {
    for (const [said] of data.message.matchAll(/^said: .*$/gm)) console.log(`      ${said.slice(6)}`);
    noisy.set(data.file, (noisy.get(data.file) ?? '') + data.message);
  }
}

for (const [file, tests] of ran) {
  if (tests > 0) continue;
  failed += 1;
  console.log(`FAIL  ${path.basename(file)} ran no test`);
}
if (failed) {
  for (const [file, text] of noisy) console.log(`---- ${path.basename(file)} said:\n${text.slice(-8000)}`);
}
console.log(`${name}: ${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
