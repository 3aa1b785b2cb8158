// coverage.mjs: llvm-cov's summary on standard input as a list of files, the least covered
// first. Files that no fuzz target enters are left out.
import path from 'node:path';
import { top } from './process.mjs';

let text = '';
for await (const piece of process.stdin) text += piece;
const files = JSON.parse(text).data[0].files
  .map(({ filename, summary: { lines } }) => ({ name: path.relative(top, path.resolve(filename)), ...lines }))
  .filter(({ covered, name }) => covered > 0 && name.startsWith('app/'))
  .sort((a, b) => a.percent - b.percent);
for (const { name, covered, count, percent } of files) console.log(`${percent.toFixed(1).padStart(5)}%  ${covered}/${count}  ${name}`);
