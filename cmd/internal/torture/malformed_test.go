package torture

import (
	"encoding/json"
	"fmt"
	"strings"
)

// textOf is an inference request for a picture, in JSON.
func textOf(p picture) string {
	text, err := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "input", "shape": []int{1, 1, 28, 28}, "datatype": "FP32", "data": p.pixels}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// request is a POST with headers, of which Content-Length is right.
func request(path, headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, headers, len(body), body)
}

// goodRequests are of each kind that the server knows.
func goodRequests(v *variants) []string {
	p := v.pictures[0]
	text := textOf(p)
	const binary = `{"inputs":[{"name":"input","shape":[1,1,28,28],"datatype":"FP32","parameters":{"binary_data_size":3136}}]}`
	const form = "--b\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\r\n"
	return []string{
		request("/v2/models/m/infer", "", text),
		request("/v2/models/m/infer", fmt.Sprintf("Inference-Header-Content-Length: %d\r\n", len(binary)), binary+string(toBytes(p.pixels))),
		request("/v1/models/m:predict", "", `{"instances":`+strings.Replace(fmt.Sprint([][][][]float32{{{p.pixels[:28]}}}), " ", ",", -1)+`}`),
		request("/classify", "", string(p.file)),
		request("/classify", "Content-Type: multipart/form-data; boundary=b\r\n", form+string(p.file)+"\r\n--b--\r\n"),
		request("/explain?model=m", "", string(p.file)),
		"GET /v2/models/m HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /v1/models/m HTTP/1.1\r\nHost: localhost\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
		"POST /v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(text), text),
	}
}

// malformedRequests are of every kind that came to mind.
func malformedRequests(v *variants) (all []string) {
	text := textOf(v.pictures[0])
	const infer = "/v2/models/m/infer"
	line := func(lines ...string) { all = append(all, lines...) }
	// The request's line.
	line("", "\r\n", "\r\n\r\n", "G", "GET", "GET \r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\n\n",
		"get / http/1.1\r\n\r\n", "G\x00T / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /"+strings.Repeat("a", 100_000)+" HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", strings.Repeat("\xff", 1000), "GET / HTTP/1.0\r\n\r\n")
	// The header.
	for _, h := range []string{
		"", "Host\r\n", ": x\r\n", "Host: a\r\nHost: b\r\n", "Host: localhost\r\nA B: x\r\n", "Host: localhost\r\nA: \x00\r\n", "Host: localhost\r\n A: folded\r\n",
		"Host: localhost\r\nA: x\n\r\n", "Host: localhost\r\n" + strings.Repeat("A: x\r\n", 5000), "Host: localhost\r\nA: " + strings.Repeat("x", 100_000) + "\r\n", "Host: [::1\r\n",
		"Host: localhost\r\nExpect: 200-ok\r\n", "Host: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
		"Host: localhost\r\nConnection: close, close, keep-alive\r\n", "Host: localhost\r\nAuthorization: Bearer \xff\r\n", "Host: evil.example\r\n",
	} {
		line("GET /v2 HTTP/1.1\r\n" + h + "\r\n")
	}
	// The body's length.
	for _, h := range []string{
		"Content-Length: -1\r\n", "Content-Length: x\r\n", "Content-Length: 99999999999999999999\r\n", "Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length: 1e3\r\n",
		"Content-Length: 33554433\r\n", "Content-Length: 9000000000\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n", "Content-Length: 100000\r\n", "Content-Length: 0\r\n", "",
	} {
		line("POST " + infer + " HTTP/1.1\r\nHost: localhost\r\n" + h + "\r\n{}")
	}
	for _, body := range []string{"x\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "5\r\nabc", "5;" + strings.Repeat("a", 100_000) + "\r\n", "2\r\n{}0\r\n\r\n", "2\r\n{}\r\n0\r\nA: b\r\n"} {
		line("POST " + infer + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
	}
	for _, e := range []string{"br", "gzip, gzip", strings.Repeat("gzip,", 1000), "gzip", "deflate"} {
		line(request(infer, "Content-Encoding: "+e+"\r\n", text))
	}
	// The JSON text.
	for _, body := range []string{
		"", "null", "[]", "{", "}", `{"inputs"`, `{"inputs":null}`, `{"inputs":[]}`, `{"inputs":[{}]}`, `{"inputs":{}}`, "\xff\xfe{}", "\xef\xbb\xbf{}", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 50_000),
		text + text, text + "x", strings.Replace(text, "28,28", "28,29", 1), strings.Replace(text, "28,28", "-28,28", 1), strings.Replace(text, "28,28", "28e9,28", 1),
		strings.Replace(text, "28,28", "9223372036854775807,2", 1), strings.Replace(text, "FP32", "FP31", 1), strings.Replace(text, "FP32", "BYTES", 1), strings.Replace(text, "FP32", "UINT8", 1),
		strings.Replace(text, `"data":[`, `"data":[null,`, 1), strings.Replace(text, `"data":[`, `"data":[1e999,`, 1), strings.Replace(text, `"data":[`, `"data":["x",`, 1),
		strings.Replace(text, `"data":[`, `"data":[[[[[`, 1), strings.Replace(text, `"name"`, `"name":"input","name"`, 1), strings.Replace(text, `"input"`, `"\ud800"`, 1),
	} {
		line(request(infer, "", body))
	}
	// Binary data, forms and pictures.
	for _, h := range []string{"-1", "0", "x", "99999999999", "5", fmt.Sprint(len(text) + 1)} {
		line(request(infer, "Inference-Header-Content-Length: "+h+"\r\n", text))
	}
	for _, kind := range []string{"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + strings.Repeat("b", 1000), "multipart/mixed; boundary=b", `x; y="`, "application/json"} {
		line(request("/classify", "Content-Type: "+kind+"\r\n", "--b\r\n\r\n\x89PNG"))
	}
	file := string(v.pictures[0].file)
	line(request("/classify", "", file[:len(file)/2]), request("/classify", "", "GIF89a"), request("/classify?model=none", "", file), request("/classify?version=9", "", file), request("/classify?%zz", "", file),
		request("/v2/models/../infer", "", text), request("/v2/models/%2e%2e/infer", "", text), request("/v2/models//infer", "", text), request("/v1/models/m:train", "", "{}"), request("/nothing", "", ""))
	return all
}
