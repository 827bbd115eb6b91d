// ONNX Runtime as a side of this command's measurements, which starts it by
// -against onnxruntime and takes turns with it; process.go has what is said
// between them. It runs an ONNX file in float32, with as many threads as asked
// for, all of ONNX Runtime's optimisations and one session for all turns.
'use strict';
const fs = require('fs');
const readline = require('readline');

const warmUp = 2, minSteps = 5;

// flags are -name value, or -name alone.
function flags(args) {
  const all = {};
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^-/, '');
    all[name] = i + 1 < args.length && !args[i + 1].startsWith('-') ? args[++i] : true;
  }
  return all;
}

function runtime() {
  try {
    return require('onnxruntime-node');
  } catch (e) {
    throw new Error('Node.js does not load onnxruntime-node, want it from npm: npm install --prefix FOLDER --ignore-scripts onnxruntime-node@1.30.0, and NODE_PATH=FOLDER/node_modules (' + e.message.split('\n')[0] + ')');
  }
}

const say = (o) => new Promise((done) => process.stdout.write(JSON.stringify(o) + '\n', done));

// ramp is what the other side's first run gets too.
const ramp = (n) => Float32Array.from({length: n}, (_, i) => Math.fround((i * 97 % 256) / 255));

// images are the first ones of the file, as many as a batch has, scaled to 0..1.
function images(path, n, size) {
  const file = fs.openSync(path), bytes = Buffer.alloc(n * size);
  const pool = Math.floor(fs.fstatSync(file).size / (size + 2));
  for (let i = 0; i < n; i++) fs.readSync(file, bytes, i * size, size, (i % pool) * size);
  fs.closeSync(file);
  return Float32Array.from(bytes, (v) => Math.fround(v / 255));
}

// turn repeats the step for so many seconds.
async function turn(step, seconds) {
  for (let i = 0; i < warmUp; i++) await step();
  const samples = [], cpu = process.cpuUsage(), end = performance.now() + 1000 * seconds;
  for (let last = performance.now(); last < end || samples.length < minSteps;) {
    await step();
    const now = performance.now();
    samples.push(Math.round((now - last) * 1e4) / 1e4);
    last = now;
  }
  const {user, system} = process.cpuUsage(cpu);
  return {samples_ms: samples, cpu_seconds: (user + system) / 1e6, peak_mb: process.resourceUsage().maxRSS * 1024 / 1e6};
}

async function main(o) {
  const ort = runtime();
  const engine = 'ONNX Runtime ' + require('onnxruntime-node/package.json').version;
  if (o.version) return say({engine});
  const shape = o.input.split(',').map(Number), size = shape.reduce((a, b) => a * b), batch = Number(o.batch);
  const began = performance.now();
  const session = await ort.InferenceSession.create(o.model, {
    intraOpNumThreads: Number(o.threads), interOpNumThreads: 1, executionMode: 'sequential', graphOptimizationLevel: 'all',
  });
  const loaded = performance.now();
  const feed = (x) => ({[session.inputNames[0]]: new ort.Tensor('float32', x, [batch, ...shape])});
  let input = feed(ramp(batch * size));
  const output = (await session.run(input))[o.output || session.outputNames[0]].data;
  const answered = performance.now();
  await say({
    engine, load_ms: loaded - began, first_run_ms: answered - loaded,
    start_peak_mb: process.resourceUsage().maxRSS * 1024 / 1e6,
    output: Array.from(output.slice(0, Math.min(output.length / batch, 1000))),
  });
  input = feed(images(o.images, batch, size));
  for await (const line of readline.createInterface({input: process.stdin})) {
    await say(await turn(() => session.run(input), Number(line)));
  }
}

main(flags(process.argv.slice(2))).catch((e) => {
  console.error(e.message.replace(/\s*\n\s*/g, ' '));
  process.exit(1);
});
