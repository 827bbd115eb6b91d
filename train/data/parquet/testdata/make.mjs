// Writes the Parquet files beside it as arrow-rs does: npm install parquet-wasm apache-arrow, and with
// a.png, b.jpg and c.gif, pictures of one colour each, in DIR: node make.mjs DIR
import { tableFromArrays, Table, Struct, Field, Binary, Utf8, Int64, Schema, makeBuilder, makeVector, vectorFromArray, tableToIPC, RecordBatch, makeData } from 'apache-arrow';
import { readFileSync, writeFileSync } from 'fs';
import { createRequire } from 'module'; const pw = createRequire(import.meta.url)('parquet-wasm');
const dir = process.argv[2];
const pics = ['a.png','b.jpg','c.gif'].map(n => readFileSync(dir + '/' + n));
const imageType = new Struct([new Field('bytes', new Binary(), true), new Field('path', new Utf8(), true)]);
const n = 12;
const images = [], labels = [], texts = [], bins = [], splits = [];
for (let i = 0; i < n; i++) { images.push({ bytes: new Uint8Array(pics[i % 3]), path: `${i}.x` }); labels.push(BigInt(i % 3)); texts.push(['cat','dog','fox'][i % 3]); bins.push(new Uint8Array(pics[i % 3])); splits.push(['train','train','train','test'][Math.floor(i / 3)]); }
const imageVector = vectorFromArray(images, imageType);
const meta = JSON.stringify({ info: { features: { image: { _type: 'Image' }, label: { names: ['cat', 'dog', 'fox'], _type: 'ClassLabel' } } } });
function write(name, cols, compression, kv) {
  const t = new Table(cols);
  const wt = pw.Table.fromIPCStream(tableToIPC(t, 'stream'));
  let b = new pw.WriterPropertiesBuilder().setCompression(compression).setMaxRowGroupSize(5);
  if (kv) b = b.setKeyValueMetadata(new Map([['huggingface', meta]]));
  writeFileSync(dir + '/' + name, pw.writeParquet(wt, b.build()));
}
write('huggingface.parquet', { image: imageVector, label: vectorFromArray(labels, new Int64()) }, pw.Compression.SNAPPY, true);
write('text.parquet', { img: vectorFromArray(bins, new Binary()), category: vectorFromArray(texts, new Utf8()), split: vectorFromArray(splits, new Utf8()) }, pw.Compression.ZSTD, false);
