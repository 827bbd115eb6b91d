-- For wrk: inference requests for one image of 28×28, of which every fifth pixel
-- is not black, as in MNIST. The same one each time: the server caches nothing.
--
--   wrk -t1 -c64 -d10s --latency -s cmd/serve/testdata/infer.lua http://127.0.0.1:8080/v2/models/cnn/infer

local pixels = {}
for i = 1, 784 do
	pixels[i] = i % 5 == 0 and string.format("%.7g", (i * 37 % 256) / 255) or "0"
end

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","data":[' .. table.concat(pixels, ",") .. "]}]}"
