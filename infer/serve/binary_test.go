package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"tapenet/graph/weights"
)

// raw are values as bytes.
func raw(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

// lengths are elements of BYTES as bytes.
func lengths(elements ...[]byte) (b []byte) {
	for _, e := range elements {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(e))), e...)
	}
	return b
}

// headV2 is the JSON text of a binary request; more is what else is in it.
func headV2(datatype string, shape []int, size int, more string) string {
	dims, _ := json.Marshal(shape)
	return fmt.Sprintf(`{"id":"7",%s"inputs":[{"name":"input","shape":%s,"datatype":"%s","parameters":{"binary_data_size":%d}}]}`, more, dims, datatype, size)
}

// askBinary sends a binary request to cnn.
func askBinary(t testing.TB, s *Server, head string, data []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	headers = append(headers, headerLength, strconv.Itoa(len(head)), "Content-Type", "application/octet-stream")
	return ask(t, s, "POST", "/v2/models/cnn/infer", io.MultiReader(strings.NewReader(head), bytes.NewReader(data)), headers...)
}

// TestBinary: a tensor as bytes is answered as one in JSON, and the answer is in JSON
// or bytes as the request wants.
func TestBinary(t *testing.T) {
	s, x := start(t, func(*Config) {}), pictures(3)
	want := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(strings.Replace(bodyV2(x...), `"id":"42"`, `"id":"7"`, 1)))
	data := raw(slices.Concat(x...))
	head := headV2("FP32", []int{3, 1, 28, 28}, len(data), "")
	got := askBinary(t, s, head, data)
	if got.Code != http.StatusOK || got.Body.String() != want.Body.String() {
		t.Fatalf("status %d, %s\nwant %s", got.Code, got.Body, want.Body)
	}
	var a answerV2
	strict(t, want.Body.Bytes(), &a)
	for _, more := range []string{
		`"parameters":{"binary_data_output":true},`,
		`"outputs":[{"name":"output","parameters":{"binary_data":true}}],`,
		`"parameters":{"binary_data_output":false},"outputs":[{"name":"output","parameters":{"binary_data":true}}],`,
	} {
		w := askBinary(t, s, headV2("FP32", []int{3, 1, 28, 28}, len(data), more), data)
		n, err := strconv.Atoi(w.Header().Get(headerLength))
		if err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/octet-stream" {
			t.Fatalf("%s: status %d, header %v, %s", more, w.Code, w.Header(), w.Body)
		}
		const text = `{"model_name":"cnn","model_version":"1","id":"7","outputs":[{"name":"output","shape":[3,10],"datatype":"FP32","parameters":{"binary_data_size":120}}]}` + "\n"
		if got := string(w.Body.Bytes()[:n]); got != text {
			t.Errorf("%s: JSON text %s, want %s", more, got, text)
		}
		if got := w.Body.Bytes()[n:]; !bytes.Equal(got, raw(a.Outputs[0].Data)) {
			t.Errorf("%s: %d bytes of other values than in JSON", more, len(got))
		}
	}
	w := askBinary(t, s, headV2("FP32", []int{3, 1, 28, 28}, len(data), `"parameters":{"binary_data_output":true},"outputs":[{"name":"output","parameters":{"binary_data":false}}],`), data)
	if w.Body.String() != want.Body.String() || w.Header().Get(headerLength) != "" {
		t.Errorf("an output that is not to be binary: %s, want %s", w.Body, want.Body)
	}
	w = ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(bodyV2(x...)), headerLength, strconv.Itoa(len(bodyV2(x...))))
	if w.Code != http.StatusOK {
		t.Errorf("the header with JSON alone: status %d, %s", w.Code, w.Body)
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestBinaryErrors: sizes that do not fit are refused, the sooner the better.
func TestBinaryErrors(t *testing.T) {
	s := start(t, func(c *Config) { c.Queue = 4; c.Body = 1 << 20 })
	one := []int{1, 1, 28, 28}
	zeros, file := make([]byte, 4*784), pngFile(t, drawing())
	nan := slices.Clone(zeros)
	copy(nan[400:], raw(float32(math.NaN())))
	head := headV2("FP32", one, len(zeros), "")
	tests := []struct {
		name, head, length string
		data               []byte
		status             int
		want               string
	}{
		{"length is a word", head, "many", zeros, 400, `Inference-Header-Content-Length "many", want the size of the JSON text`},
		{"length is negative", head, "-1", zeros, 400, `"-1", want the size`},
		{"no JSON", head, "0", zeros, 400, `"0", want the size`},
		{"length is larger than a body", head, "9999999", zeros, 400, "1 to 1048576"},
		{"length is larger than this body", head, "9999", zeros, 400, "says that its JSON text has 9999"},
		{"length is short", head, strconv.Itoa(len(head) - 1), zeros, 400, "the end of the text"},
		{"length is long", head, strconv.Itoa(len(head) + 1), zeros, 400, "want the end of the text"},
		{"size is short", headV2("FP32", one, len(zeros)-4, ""), "", zeros, 400, "data: 3132 bytes, want 3136 for 784 elements of FP32"},
		{"size of another type", headV2("FP64", one, len(zeros), ""), "", zeros, 400, "data: 3136 bytes, want 6272 for 784 elements of FP64"},
		{"size is negative", headV2("FP32", one, -1, ""), "", zeros, 400, "-1 in a shape, want an integer"},
		{"cut", head, "", zeros[1:], 400, "the body ends 1 bytes before the tensor does"},
		{"long", head, "", append(zeros, 0), 400, "bytes after the tensor"},
		{"bytes that nobody said", strings.Replace(bodyV2(pictures(1)...), "42", "7", 1), "", zeros, 400, "no input has binary_data_size"},
		{"no number", head, "", nan, 400, "value 100 of an image is NaN, want pixels"},
		{"too many images", headV2("FP32", []int{5, 1, 28, 28}, 5*4*784, ""), "", zeros, 413, "5 images in a request, want at most 4"},
		{"no length of an element", headV2("BYTES", []int{1}, 3, ""), "", zeros[:3], 400, "want at least 4 for the lengths of 1 elements"},
		{"element longer than the tensor", headV2("BYTES", []int{1}, 8, ""), "", append([]byte{5, 0, 0, 0}, zeros[:4]...), 400, "an element of 5 bytes, and 4 are left"},
		{"element longer than the body", headV2("BYTES", []int{1}, 1004, ""), "", append([]byte{232, 3, 0, 0}, zeros[:4]...), 400, "the body ends 996 bytes before"},
		{"huge element", headV2("BYTES", []int{1}, 1<<31-1, ""), "", append([]byte{255, 255, 255, 127}, zeros[:4]...), 400, "an element of 2147483647 bytes"},
		{"second element is missing", headV2("BYTES", []int{2}, 9+len(file), ""), "", append(lengths(file), zeros[:5]...), 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
		{"too many elements", headV2("BYTES", []int{1}, 8+len(file), ""), "", append(lengths(file), zeros[:4]...), 400, "4 bytes after the last element"},
		{"not a picture", headV2("BYTES", []int{1}, 8, ""), "", []byte("\x04\x00\x00\x00abcd"), 400, "no picture, want PNG, JPEG, GIF, WebP, BMP or TIFF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			length := tt.length
			if length == "" {
				length = strconv.Itoa(len(tt.head))
			}
			for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
				body := wrap(io.MultiReader(strings.NewReader(tt.head), bytes.NewReader(tt.data)))
				wantFailure(t, ask(t, s, "POST", "/v2/models/cnn/infer", body, headerLength, length), tt.status, tt.want)
			}
		})
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestBinaryMemory: an announced size takes no memory, and nobody waits for bytes
// that are too many.
func TestBinaryMemory(t *testing.T) {
	s := start(t, func(c *Config) { c.Memory = 1 << 20; c.Body = 1 << 30; c.Queue = 1 << 20 })
	head := headV2("UINT8", []int{1000, 1, 28, 28}, 784*1000, "")
	e := &endless{size: tenGB}
	w := ask(t, s, "POST", "/v2/models/cnn/infer", io.MultiReader(strings.NewReader(head), e), headerLength, strconv.Itoa(len(head)))
	wantFailure(t, w, http.StatusRequestEntityTooLarge, "the server has 1048576 for all requests")
	if most := int64(1<<20 + rawPart); e.read.Load() > most {
		t.Errorf("%d bytes were read, want at most %d", e.read.Load(), most)
	}
}

// TestDatatypes: the same values in every datatype, in JSON and as bytes.
func TestDatatypes(t *testing.T) {
	s := start(t, func(*Config) {})
	x := pictures(1)[0]
	for i, v := range x {
		x[i] = float32(int(2 * v)) // 0 or 1: there is no datatype without these
	}
	want := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(strings.Replace(bodyV2(x), "42", "7", 1))).Body.String()
	values := map[string]any{
		"BOOL": as[uint8](x, 1), "UINT8": as[uint8](x, 1), "UINT16": as[uint16](x, 1), "UINT32": as[uint32](x, 1), "UINT64": as[uint64](x, 1),
		"INT8": as[int8](x, 1), "INT16": as[int16](x, 1), "INT32": as[int32](x, 1), "INT64": as[int64](x, 1),
		"FP16": as[uint16](x, 0x3c00), "BF16": as[uint16](x, 0x3f80), "FP32": x, "FP64": as[float64](x, 1),
	}
	if len(values) != len(datatypes) {
		t.Fatalf("%d datatypes, want all %d", len(values), len(datatypes))
	}
	for kind, v := range values {
		data := raw(v)
		if w := askBinary(t, s, headV2(kind, []int{1, 1, 28, 28}, len(data), ""), data); w.Body.String() != want {
			t.Errorf("%s as bytes: status %d, %s\nwant %s", kind, w.Code, w.Body, want)
		}
		var list any = as[float64](x, 1)
		if kind == "BOOL" {
			bits := make([]bool, len(x))
			for i, v := range x {
				bits[i] = v == 1
			}
			list = bits
		}
		text, err := json.Marshal(map[string]any{"id": "7", "inputs": []any{map[string]any{"name": "input", "shape": []int{1, 1, 28, 28}, "datatype": kind, "data": list}}})
		if err != nil {
			t.Fatal(err)
		}
		if w := ask(t, s, "POST", "/v2/models/cnn/infer", bytes.NewReader(text)); w.Body.String() != want {
			t.Errorf("%s in JSON: status %d, %s\nwant %s", kind, w.Code, w.Body, want)
		}
	}
}

// as are values in another type, times a factor.
func as[T uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float64](x []float32, factor float32) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v * factor)
	}
	return y
}

// TestDecode: values at the ends of the datatypes.
func TestDecode(t *testing.T) {
	inf := float32(math.Inf(1))
	tests := []struct {
		kind string
		data any
		want []float32
	}{
		{"BOOL", []uint8{0, 1, 255}, []float32{0, 1, 1}},
		{"UINT8", []uint8{0, 200, 255}, []float32{0, 200, 255}},
		{"INT8", []int8{-128, -1, 127}, []float32{-128, -1, 127}},
		{"UINT16", []uint16{1, 65535}, []float32{1, 65535}},
		{"INT16", []int16{-32768, 32767}, []float32{-32768, 32767}},
		{"UINT32", []uint32{1 << 24, 1<<32 - 1}, []float32{1 << 24, 1 << 32}},
		{"INT32", []int32{-1 << 31, 5}, []float32{-1 << 31, 5}},
		{"UINT64", []uint64{7, 1<<64 - 1}, []float32{7, 1 << 64}},
		{"INT64", []int64{-1 << 63, 7}, []float32{-1 << 63, 7}},
		{"FP32", []float32{-0.5, math.SmallestNonzeroFloat32}, []float32{-0.5, math.SmallestNonzeroFloat32}},
		{"FP64", []float64{0.1, 1e300}, []float32{0.1, inf}},
		// IEEE 754-2008, table 3.5: 1, the largest, the smallest normal, the largest and smallest below it, −2, ∞.
		{"FP16", []uint16{0x3c00, 0x7bff, 0x0400, 0x03ff, 0x0001, 0xc000, 0x7c00}, []float32{1, 65504, 1. / (1 << 14), 1023. / (1 << 24), 1. / (1 << 24), -2, inf}},
		{"BF16", []uint16{0x3f80, 0xbf00, 0x7f80}, []float32{1, -0.5, inf}},
	}
	for _, tt := range tests {
		b := raw(tt.data)
		kind := datatypes[tt.kind]
		if len(b) != len(tt.want)*kind.size {
			t.Fatalf("%s: %d bytes of %d values", tt.kind, len(b), len(tt.want))
		}
		got := make([]float32, len(tt.want))
		if kind.decode(got, b); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.kind, got, tt.want)
		}
	}
	if nan := weights.FromHalf(0x7e00); nan == nan {
		t.Errorf("half's NaN is %v", nan)
	}
}

// TestDecodeOrder: the datatype that is read in place is decoded alike where it is not.
func TestDecodeOrder(t *testing.T) {
	want := []float32{-0.5, 1, math.SmallestNonzeroFloat32, 1e6}
	c := start(t, func(*Config) {}).Call(Origin{})
	defer c.release()
	for _, inPlace := range []bool{littleEndian, false} {
		d := c.Raw(bytes.NewReader(raw(want)), 16).(*rawData)
		if err := d.Expect("FP64", 2); err != nil { // which is never in place
			t.Fatal(err)
		}
		d.kind, d.inPlace = datatypes["FP32"], inPlace
		got := make([]float32, 4)
		if err := d.Floats(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("in place %t: %v (%v), want %v", inPlace, got, err, want)
		}
	}
}

// TestAllPixels: every value is looked at, whatever its place.
func TestAllPixels(t *testing.T) {
	inf := float32(math.Inf(1))
	for n := range 10 {
		x := slices.Repeat([]float32{maxPixel, -maxPixel, 0, -0.5}, 3)[:n]
		if !allPixels(x) {
			t.Errorf("%v: not all are pixels, want all", x)
		}
		for i := range x {
			for _, v := range []float32{float32(math.NaN()), -float32(math.NaN()), inf, -inf, math.Nextafter32(maxPixel, inf), math.Nextafter32(-maxPixel, -inf)} {
				y := slices.Clone(x)
				if y[i] = v; allPixels(y) {
					t.Errorf("%v: all are pixels, want not", y)
				}
			}
		}
	}
}

// TestClassification: the largest values with index and label, as strings.
func TestClassification(t *testing.T) {
	dir := folder(t)
	s, x := start(t, func(c *Config) { c.Models = dir }), pictures(2)
	p := predictions(t, filepath.Join(dir, "cnn"), x...)
	var want []string
	for _, values := range p {
		first := slices.Index(values, slices.Max(values))
		rest := slices.Clone(values)
		rest[first] = 0
		second := slices.Index(rest, slices.Max(rest))
		want = append(want, fmt.Sprintf("%f:%d:%d", values[first], first, first), fmt.Sprintf("%f:%d:%d", values[second], second, second))
	}
	quoted, _ := json.Marshal(want)
	with := func(k int, more string) string {
		return strings.Replace(bodyV2(x...), `{"id"`, fmt.Sprintf(`{"outputs":[{"name":"output","parameters":{"classification":%d%s}}],"id"`, k, more), 1)
	}
	text := fmt.Sprintf(`{"model_name":"cnn","model_version":"1","id":"42","outputs":[{"name":"output","shape":[2,2],"datatype":"BYTES","data":%s}]}`+"\n", quoted)
	if w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(with(2, ""))); w.Body.String() != text {
		t.Errorf("%s\nwant %s", w.Body, text)
	}
	w := ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(with(2, `,"binary_data":true`)))
	n, _ := strconv.Atoi(w.Header().Get(headerLength))
	elements := make([][]byte, len(want))
	for i, e := range want {
		elements[i] = []byte(e)
	}
	if got := w.Body.Bytes()[n:]; n == 0 || !bytes.Equal(got, lengths(elements...)) {
		t.Errorf("as bytes: %q, want %q with lengths", got, want)
	}
	var a struct {
		Outputs []struct {
			Shape []int
			Data  []string
		}
	}
	w = ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(with(1000, "")))
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !slices.Equal(a.Outputs[0].Shape, []int{2, 10}) || len(a.Outputs[0].Data) != 20 {
		t.Errorf("1000 classes of ten: %s, want all ten", w.Body)
	}
	if got := largest([]float32{0.25, 0.5, 0.25}, []string{"a", "b", "c"}, 3); !slices.Equal(got, []string{"0.500000:1:b", "0.250000:0:a", "0.250000:2:c"}) {
		t.Errorf("ties: %q", got)
	}
}

// TestPictureTensors: BYTES are pictures, prepared as /classify does.
func TestPictureTensors(t *testing.T) {
	s, file := start(t, func(*Config) {}), pngFile(t, drawing())
	var classes struct{ Probabilities []float32 }
	w := ask(t, s, "POST", "/classify?model=cnn", bytes.NewReader(file))
	if err := json.Unmarshal(w.Body.Bytes(), &classes); err != nil || len(classes.Probabilities) != 10 {
		t.Fatalf("classify: %s", w.Body)
	}
	check := func(form string, w *httptest.ResponseRecorder, n int) {
		t.Helper()
		var a answerV2
		if strict(t, w.Body.Bytes(), &a); w.Code != http.StatusOK || len(a.Outputs) != 1 || len(a.Outputs[0].Data) != 10*n {
			t.Fatalf("%s: status %d, %s", form, w.Code, w.Body)
		}
		for i := range n {
			if err := near(a.Outputs[0].Data[10*i:][:10], classes.Probabilities); err != nil {
				t.Errorf("%s, picture %d: %v", form, i, err)
			}
		}
	}
	data := lengths(file, file, file)
	for _, shape := range [][]int{{3}, {3, 1}} {
		check(fmt.Sprintf("bytes %v", shape), askBinary(t, s, headV2("BYTES", shape, len(data), ""), data), 3)
	}
	text := `"` + base64.StdEncoding.EncodeToString(file) + `"`
	for form, list := range map[string]string{"[2]": "[" + text + "," + text + "]", "[2,1]": "[[" + text + "],[" + text + "]]"} {
		body := `{"inputs":[{"name":"input","shape":` + form + `,"datatype":"BYTES","data":` + list + `}]}`
		check("base64 "+form, ask(t, s, "POST", "/v2/models/cnn/infer", strings.NewReader(body)), 2)
	}
	if free := s.memory.Load(); free != s.config.Memory {
		t.Errorf("%d bytes are free after all requests, want %d", free, s.config.Memory)
	}
}

// TestPictureTensorsMemory: pictures are unpacked one after the other, so that many
// take the memory of one.
func TestPictureTensorsMemory(t *testing.T) {
	s := start(t, func(c *Config) { c.Memory = 8 << 20 })
	img := image.NewGray(image.Rect(0, 0, 512, 512))
	copy(img.Pix[512*200+200:], []byte{250, 250, 250})
	large := pngFile(t, img) // 4 MB unpacked, as /classify counts it
	data := lengths(slices.Repeat([][]byte{large}, 20)...)
	if w := askBinary(t, s, headV2("BYTES", []int{20}, len(data), ""), data); w.Code != http.StatusOK {
		t.Errorf("status %d, %.200s, want 200", w.Code, w.Body)
	}
}
