// Runs many small ONNX files by ONNX Runtime: node random.js JOBS.json ANSWERS.jsonl.
// The jobs are a list of {model, runs: [{type, shape, input, output}]}, where input and
// output are files of raw numbers. For each run ANSWERS.jsonl gets a line {job, run,
// type, shape} or {job, run, error}, before the next one begins, so that a run that ends
// the process is known.
const fs = require('fs');
const ort = require('onnxruntime-node');

const arrays = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, uint8: Uint8Array, int8: Int8Array,
  uint16: Uint16Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array,
  uint32: Uint32Array, uint64: BigUint64Array,
};

// tensor makes an input of raw bytes.
function tensor(run) {
  const bytes = fs.readFileSync(run.input);
  const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  let array = arrays[run.type];
  if (run.type === 'float16' && typeof Float16Array !== 'undefined') array = Float16Array;
  return new ort.Tensor(run.type, new array(memory), run.shape);
}

async function answer(session, run) {
  const results = await session.run({[session.inputNames[0]]: tensor(run)});
  const y = results[session.outputNames[0]];
  fs.writeFileSync(run.output, Buffer.from(y.data.buffer, y.data.byteOffset, y.data.byteLength));
  return {type: y.type, shape: y.dims};
}

(async () => {
  const [jobs, file] = process.argv.slice(2);
  const tell = (line) => fs.appendFileSync(file, JSON.stringify(line) + '\n');
  for (const [i, job] of JSON.parse(fs.readFileSync(jobs)).entries()) {
    let session, refused;
    try {
      session = await ort.InferenceSession.create(job.model, {intraOpNumThreads: 1, logSeverityLevel: 4});
    } catch (e) {
      refused = e.message;
    }
    for (const [k, run] of job.runs.entries()) {
      let line;
      try {
        line = session ? await answer(session, run) : {error: refused};
      } catch (e) {
        line = {error: e.message};
      }
      tell({job: i, run: k, ...line});
    }
    if (session) await session.release();
  }
})().catch((e) => { console.error(e.message); process.exit(1); });
