// Measures ONNX Runtime on the predictions of this command, in turns with the
// command.
//
//     go build -o bin/ ./cmd/... && bin/export -model runs/cnn -to onnx -out cnn.onnx
//     npm install --prefix /tmp/ort --ignore-scripts onnxruntime-node@1.30.0
//     NODE_PATH=/tmp/ort/node_modules node cmd/bench/onnxruntime.js bin/bench cnn cnn.onnx
//
// A prediction is a call with one batch that gives probabilities: Predict here,
// InferenceSession.run there, the same network in float32 with as many threads.
// The sides take turns, so that a busy neighbour hits both; the table has medians
// over the rounds of each round's median, and is Markdown.
'use strict';
const {execFileSync} = require('child_process');
const ort = require('onnxruntime-node');

const rounds = 5, seconds = 1;
const combinations = [[1, 1], [1, 2], [32, 2], [128, 1], [128, 2]]; // batch, threads

const median = (x) => x.sort((a, b) => a - b)[x.length >> 1];

// ours is milliseconds by call.
function ours(bench, model, batch, threads) {
  const out = execFileSync(bench, ['-json', '-mode', 'predict', '-model', model, '-batch', batch, '-threads', threads, '-time', seconds + 's']);
  return JSON.parse(out).ms_per_step;
}

// theirs is milliseconds by call.
async function theirs(session, batch, shape) {
  const x = Float32Array.from({length: batch * shape.reduce((a, b) => a * b)}, () => Math.random());
  const feed = {[session.inputNames[0]]: new ort.Tensor('float32', x, [batch, ...shape])};
  for (let i = 0; i < 3; i++) await session.run(feed);
  const times = [];
  for (const end = performance.now() + 1000 * seconds; performance.now() < end || times.length < 5;) {
    const began = performance.now();
    await session.run(feed);
    times.push(performance.now() - began);
  }
  return median(times);
}

(async () => {
  const [bench, model, file] = process.argv.slice(2);
  if (!file) throw new Error('want node onnxruntime.js BENCH MODEL FILE.onnx');
  console.log(`| batch | threads | ms a call | ONNX Runtime ${require('onnxruntime-node/package.json').version} | ratio |\n|---:|---:|---:|---:|---:|`);
  for (const [batch, threads] of combinations) {
    const session = await ort.InferenceSession.create(file, {intraOpNumThreads: threads, interOpNumThreads: 1});
    const shape = session.inputMetadata[0].shape.slice(1);
    const mine = [], rival = [];
    for (let i = 0; i < rounds; i++) {
      mine.push(ours(bench, model, batch, threads));
      rival.push(await theirs(session, batch, shape));
    }
    await session.release();
    const [a, b] = [median(mine), median(rival)];
    console.log(`| ${batch} | ${threads} | ${a.toPrecision(3)} | ${b.toPrecision(3)} | ${(b / a).toFixed(2)} |`);
  }
})().catch((e) => { console.error(e.message); process.exit(1); });
