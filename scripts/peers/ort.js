// ONNX Runtime as a peer: node ort.js MODEL.onnx THREADS. Each line of standard input is JSON, a list of calls, which are lists of
// rows of token ids; each line of output is the list of how many milliseconds the calls took. A first line, "ready", says that the
// model is loaded.
const readline = require('readline');
const ort = require('onnxruntime-node');

// tensors pads the rows of a call to the longest, as its model needs them.
function tensors(rows) {
  const length = Math.max(...rows.map((row) => row.length));
  const ids = new BigInt64Array(rows.length * length);
  const mask = new BigInt64Array(rows.length * length);
  rows.forEach((row, r) => row.forEach((id, i) => {
    ids[r * length + i] = BigInt(id);
    mask[r * length + i] = 1n;
  }));
  const shape = [rows.length, length];
  return { input_ids: new ort.Tensor('int64', ids, shape), attention_mask: new ort.Tensor('int64', mask, shape) };
}

async function main(model, threads) {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: +threads, graphOptimizationLevel: 'all' });
  console.log('ready');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const took = [];
    for (const rows of JSON.parse(line)) {
      const inputs = tensors(rows);
      const start = performance.now();
      await session.run(inputs);
      took.push(performance.now() - start);
    }
    console.log(JSON.stringify(took));
  }
}

main(...process.argv.slice(2)).catch((err) => {
  console.error(err.message);
  process.exitCode = 1;
});
