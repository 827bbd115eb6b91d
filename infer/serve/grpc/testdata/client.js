// Asks a server by npm's @grpc/grpc-js, which shares no code with ours: the arguments
// are the .proto file, the address, the file of the certificate's authority, the token,
// and a file with the image's values as float32. It prints what came, in JSON.
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [proto, address, authority, token, values] = process.argv.slice(2);
const definition = loader.loadSync(proto, {keepCase: true, longs: Number, defaults: true, oneofs: true});
const {GRPCInferenceService} = grpc.loadPackageDefinition(definition).inference;
const client = new GRPCInferenceService(address, grpc.credentials.createSsl(fs.readFileSync(authority)));

const bytes = fs.readFileSync(values);
const numbers = [];
for (let i = 0; i < bytes.length; i += 4) numbers.push(bytes.readFloatLE(i));

function call(method, message, metadata = {authorization: `Bearer ${token}`}) {
  const m = new grpc.Metadata();
  for (const [key, value] of Object.entries(metadata)) m.set(key, value);
  return new Promise((resolve) => {
    client[method](message, m, {deadline: Date.now() + 60000}, (error, answer) => {
      resolve(error ? {code: error.code, details: error.details} : answer);
    });
  });
}

function image(more) {
  return Object.assign({model_name: 'cnn', id: 'from node'}, more);
}

async function main() {
  const input = {name: 'input', datatype: 'FP32', shape: [1, 1, 28, 28]};
  const classes = [{name: 'output', parameters: {classification: {int64_param: 3}}}];
  const raw = await call('ModelInfer', image({inputs: [input], raw_input_contents: [bytes]}));
  const answers = {
    live: await call('ServerLive', {}, {}),
    ready: await call('ServerReady', {}, {}),
    server: await call('ServerMetadata', {}),
    modelReady: await call('ModelReady', {name: 'cnn'}),
    model: await call('ModelMetadata', {name: 'cnn'}),
    typed: await call('ModelInfer', image({inputs: [{...input, contents: {fp32_contents: numbers}}]})),
    classes: await call('ModelInfer', image({inputs: [{...input, contents: {fp32_contents: numbers}}], outputs: classes})),
    stranger: await call('ModelInfer', image({inputs: [input], raw_input_contents: [bytes]}), {}),
    missing: await call('ModelInfer', {...image({inputs: [input], raw_input_contents: [bytes]}), model_name: 'none'}),
    short: await call('ModelInfer', image({inputs: [input], raw_input_contents: [bytes.subarray(4)]})),
  };
  answers.rawValues = [];
  const out = raw.raw_output_contents[0];
  for (let i = 0; i < out.length; i += 4) answers.rawValues.push(out.readFloatLE(i));
  answers.labels = answers.classes.outputs[0].contents.bytes_contents.map((b) => b.toString());
  process.stdout.write(JSON.stringify(answers));
  client.close();
}

main();
