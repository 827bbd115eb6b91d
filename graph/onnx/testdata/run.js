// Runs ONNX files by ONNX Runtime: node run.js JOB.json, a list of
// {model, shape, input, output}; input and output are files of float32.
const fs = require('fs');
const ort = require('onnxruntime-node');

(async () => {
  for (const job of JSON.parse(fs.readFileSync(process.argv[2]))) {
    const session = await ort.InferenceSession.create(job.model, {intraOpNumThreads: 1});
    const bytes = fs.readFileSync(job.input);
    const x = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const results = await session.run({[session.inputNames[0]]: new ort.Tensor('float32', x, job.shape)});
    const y = results[session.outputNames[0]].data;
    fs.writeFileSync(job.output, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
  }
})().catch((e) => { console.error(e.message); process.exit(1); });
