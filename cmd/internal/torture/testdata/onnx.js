// Answers questions about ONNX files by ONNX Runtime: a line of JSON comes in, a line goes
// out. A question is {model, type, inputs: [{shape, data}]}, with the file and raw numbers in
// base64; the answer is {error} of a file that is refused, else {runs}, each {error} or
// {outputs: [{name, type, shape, data}]}.
const readline = require('readline');
const ort = require('onnxruntime-node');

const arrays = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array,
  int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array, bool: Uint8Array,
};

// copied is bytes at the beginning of memory of their own.
function copied(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

async function run(session, type, input) {
  const x = new ort.Tensor(type, new arrays[type](copied(input.data)), input.shape);
  const results = await session.run({[session.inputNames[0]]: x});
  return session.outputNames.map((name) => {
    const y = results[name];
    const data = Buffer.from(y.data.buffer, y.data.byteOffset, y.data.byteLength).toString('base64');
    return {name, type: y.type, shape: y.dims, data};
  });
}

async function answer(question) {
  let session;
  try {
    session = await ort.InferenceSession.create(new Uint8Array(copied(question.model)),
      {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4, graphOptimizationLevel: 'disabled'});
  } catch (e) {
    return {error: e.message};
  }
  const runs = [];
  for (const input of question.inputs) {
    try {
      runs.push({outputs: await run(session, question.type, input)});
    } catch (e) {
      runs.push({error: e.message});
    }
  }
  await session.release();
  return {runs};
}

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
  }
})();
