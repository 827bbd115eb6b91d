// Runs ONNX files by ONNX Runtime: node run.js JOB.json, a list of
// {model, shape, input, output, type, fetch}; input and output are files of float32, whose
// numbers become the type of the model's input; fetch names the output, "" for the first.
const fs = require('fs');
const ort = require('onnxruntime-node');

const big = (list) => (x) => list.from(x, (v) => BigInt(v));
const arrays = {
  float32: (x) => x, bool: (x) => Uint8Array.from(x),
  uint8: (x) => Uint8Array.from(x), int8: (x) => Int8Array.from(x), uint16: (x) => Uint16Array.from(x), int16: (x) => Int16Array.from(x),
  uint32: (x) => Uint32Array.from(x), int32: (x) => Int32Array.from(x), uint64: big(BigUint64Array), int64: big(BigInt64Array),
};

(async () => {
  for (const job of JSON.parse(fs.readFileSync(process.argv[2]))) {
    const session = await ort.InferenceSession.create(job.model, {intraOpNumThreads: 1});
    const bytes = fs.readFileSync(job.input);
    const x = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const type = job.type || 'float32';
    const results = await session.run({[session.inputNames[0]]: new ort.Tensor(type, arrays[type](x), job.shape)});
    const y = Float32Array.from(results[job.fetch || session.outputNames[0]].data, Number);
    fs.writeFileSync(job.output, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
  }
})().catch((e) => { console.error(e.message); process.exit(1); });
