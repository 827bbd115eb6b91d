package torture

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"

	"tapenet/graph/weights"
)

// builtSafetensors changes the header of a sound file.
func builtSafetensors(sound []byte) func(b *builder) {
	n := binary.LittleEndian.Uint64(sound)
	header, data := sound[8:8+n], sound[8+n:]
	return func(b *builder) {
		changed := b.changed(header)
		if b.odd() { // the entries of the metadata are JSON in strings
			changed = bytes.ReplaceAll(changed, []byte(`\"`), []byte(pick(b, `\\\"`, `\"\"`, `\u0022`)))
		}
		b.little(8, b.number(int64(len(changed))))
		b.section()
		b.put(changed, bytes.Repeat([]byte(" "), pick(b, 0, 1, 4096)))
		b.section()
		b.put(b.bytes(data))
	}
}

// builtZip writes an archive whose sizes, names and methods may be lies.
func builtZip(b *builder, members []member) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		for range pick(b, 1, 1, 0, 2, 50) {
			content := m.content
			h := zip.FileHeader{Name: b.name(m.name), Method: pick(b, zip.Store, zip.Deflate, 12, 99), Extra: make([]byte, pick(b, 0, 4, 60000)), Flags: pick(b, uint16(0), 1, 8, 0x800)}
			h.CRC32 = crc32.ChecksumIEEE(content) ^ pick(b, uint32(0), 1)
			h.UncompressedSize64 = uint64(b.number(int64(len(content))))
			if h.Method == zip.Deflate {
				var z bytes.Buffer
				f, _ := flate.NewWriter(&z, 6) // which is a level
				f.Write(content)
				f.Close()
				content = z.Bytes()
			}
			h.CompressedSize64 = uint64(b.number(int64(len(content))))
			if f, err := w.CreateRaw(&h); err == nil {
				f.Write(b.bytes(content))
			}
		}
	}
	w.SetComment(strings.Repeat("PK\x05\x06", pick(b, 0, 1, 5000)))
	w.Close()
	b.put(out.Bytes())
	b.ends = append(b.ends, len(b.b)-22, len(b.b)/2)
}

type member struct {
	name    string
	content []byte
}

// builtNPZ writes arrays whose headers say other shapes and types.
func builtNPZ(b *builder) {
	var members []member
	for i := range 2 {
		shape := ""
		for range b.times(2) {
			shape += fmt.Sprintf("%d%s", b.number(3), pick(b, ", ", "L, ", ",", "; "))
		}
		dict := fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': (%s), }", pick(b, "'<f4'", "'<f8'", "'>f4'", "'|O'", "'<U9999999999'", "'<f2'", "[('a', '<f4')]", "'|V0'", "'<c8'", "''"), pick(b, "False", "True", "0", "None"), shape)
		dict = pick(b, dict, dict[:len(dict)/2], strings.Repeat("{", 5000), dict+dict, strings.Repeat(" ", 70000)+dict)
		content := b.part(func(b *builder) {
			b.put([]byte("\x93NUMPY"), []byte{pick(b, byte(1), 2, 3, 0, 255), 0})
			b.little(2, b.number(int64(len(dict))))
			b.put([]byte(dict), b.bytes(pick(b, make([]byte, 36), b.bomb())))
		})
		members = append(members, member{fmt.Sprintf("a%d.npy", i), content})
	}
	builtZip(b, members)
}

// builtKeras changes the settings and the weights of a sound .keras file.
func builtKeras(sound []byte) func(b *builder) {
	var members []member
	z, err := zip.NewReader(bytes.NewReader(sound), int64(len(sound)))
	if err != nil {
		panic(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			panic(err)
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(r); err != nil {
			panic(err)
		}
		members = append(members, member{f.Name, content.Bytes()})
	}
	return func(b *builder) {
		changed := slices.Clone(members)
		for i, m := range changed {
			switch {
			case strings.HasSuffix(m.name, ".json"):
				changed[i].content = b.changed(m.content)
			case strings.HasSuffix(m.name, ".h5"):
				changed[i].content = b.part(builtHDF5(m.content))
			}
		}
		builtZip(b, changed)
	}
}

// builtHDF5 changes some of a sound file's addresses, lengths and counts: they become
// extreme, or lead to another place of the file, and so in circles.
func builtHDF5(sound []byte) func(b *builder) {
	var places []int // of eight bytes that may be an address or a length
	for at := 0; at+8 <= len(sound); at += 2 {
		if v := binary.LittleEndian.Uint64(sound[at:]); v != 0 && (v < uint64(len(sound)) || v == 1<<64-1) {
			places = append(places, at)
		}
	}
	return func(b *builder) {
		b.put(sound)
		for range 1 + b.IntN(4) {
			at := places[b.IntN(len(places))]
			field := b.b[at : at+pick(b, 8, 1, 2, 4)]
			v := uint64(b.IntN(len(sound)))
			switch b.IntN(3) {
			case 0:
				v = binary.LittleEndian.Uint64(sound[places[b.IntN(len(places))]:])
			case 1:
				rare := b.rare
				b.rare = 1
				v = uint64(b.number(int64(binary.LittleEndian.Uint64(b.b[at:]))))
				b.rare = rare
			}
			copy(field, binary.LittleEndian.AppendUint64(nil, v))
		}
		b.ends = places
	}
}

// builtTFJS changes a sound model.json, or gives weights another length.
func builtTFJS(sound []byte) func(b *builder) {
	if !json.Valid(sound) {
		return func(b *builder) { b.put(b.bytes(sound)) }
	}
	return func(b *builder) { b.put(b.changed(sound)) }
}

// builtProtobuf changes fields of a sound message, known by nothing but their form: what
// may be a message is gone into.
func builtProtobuf(sound []byte) func(b *builder) {
	return func(b *builder) {
		b.rare *= 20
		b.put(b.message(sound, 0))
	}
}

// message is a message of which some fields are others, come twice, or nest.
func (b *builder) message(m []byte, depth int) (out protobuf) {
	for len(m) > 0 {
		key, n := binary.Uvarint(m)
		if n <= 0 {
			return append(out, m...)
		}
		field, rest := int(key>>3), m[n:]
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(rest)
			if n <= 0 {
				return append(out, m...)
			}
			out, m = out.integer(field, b.number(int64(v))), rest[n:]
		case 2:
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return append(out, m...)
			}
			content := rest[n:][:size]
			m = rest[n:][size:]
			if depth < 8 && isMessage(content) {
				content = b.message(content, depth+1)
			}
			if content = b.bytes(content); b.odd() {
				content = protobuf(nil).bytes(field, content)
			}
			for range pick(b, 1, 0, 2, 300) {
				out = out.bytes(field, content)
			}
		case 1, 5:
			n := 4 + 4*int(key&7&^4)
			if n > len(rest) {
				return append(out, m...)
			}
			out = append(binary.AppendUvarint(out, key), b.bytes(rest[:n])...)
			m = rest[n:]
		default:
			return append(out, m...)
		}
	}
	return out
}

// isMessage tells whether bytes may be a message.
func isMessage(m []byte) bool {
	if len(m) == 0 {
		return false
	}
	for len(m) > 0 {
		key, n := binary.Uvarint(m)
		if n <= 0 || key>>3 == 0 || key>>3 > 100 {
			return false
		}
		m = m[n:]
		v, n := binary.Uvarint(m)
		switch {
		case key&7 == 0 && n > 0:
			m = m[n:]
		case key&7 == 2 && n > 0 && v <= uint64(len(m)-n):
			m = m[n+int(v):]
		case key&7 == 5 && len(m) >= 4:
			m = m[4:]
		default:
			return false
		}
	}
	return true
}

// builtONNX changes a sound file, or writes one of its own.
func builtONNX(sound []byte) func(b *builder) {
	changed := builtProtobuf(sound)
	return func(b *builder) {
		if b.IntN(3) == 0 {
			changed(b)
		} else {
			builtNodes(b)
		}
	}
}

// builtNodes writes a network of a few nodes, whose attributes and constants are extreme,
// whose values are made of themselves, and whose weights lie in other files.
func builtNodes(b *builder) {
	kinds := []string{"Conv", "MaxPool", "AveragePool", "Resize", "Pad", "Tile", "Expand", "Reshape", "ConstantOfShape", "Gather", "Slice", "Split", "Concat", "Transpose", "MatMul", "Gemm",
		"ConvTranspose", "DepthToSpace", "LRN", "Range", "OneHot", "EyeLike", "Squeeze", "Flatten", "Einsum", "TopK", "CumSum", "Add", "ReduceSum", "BatchNormalization", "If", "Loop", "Constant"}
	ints := func(usual ...int) (list []int) {
		for range b.times(1) {
			for _, v := range usual {
				list = append(list, int(b.number(int64(v))))
			}
		}
		return list
	}
	constant := func(name string, numbers ...int) onnxTensor {
		t := onnxTensor{name: name, elem: pick(b, int64Type, float32Type, int32Type, boolType, 0, 99), dims: []int{len(numbers)}}
		for _, v := range numbers {
			t.numbers = append(t.numbers, float64(b.number(int64(v))))
		}
		if b.odd() {
			t.dims = ints(len(numbers), 1)
		}
		return t
	}
	graph := protobuf(nil)
	value := "x"
	for i := range pick(b, 2, 0, 1, 5, 1000) {
		rare := b.rare
		b.rare = max(2, b.rare/2)
		node := onnxNode{kind: kinds[b.IntN(len(kinds))], inputs: []string{value}, outputs: []string{pick(b, fmt.Sprint("v", i), value, "", "x", "y")}}
		for range pick(b, 1, 0, 2, 4) {
			node.inputs = append(node.inputs, []string{"w", "n", "f", "", value, node.outputs[0]}[b.IntN(6)])
		}
		for _, name := range []string{"kernel_shape", "strides", "dilations", "pads", "axes", "perm", "shape", "split", "output_padding"} {
			if b.IntN(3) == 0 {
				node.attributes = append(node.attributes, onnxAttribute{name, ints([]int{1, 1, 1, 1}[:pick(b, 2, 1, 4)]...)})
			}
		}
		for _, name := range []string{"group", "axis", "blocksize", "size", "keepdims", "ceil_mode", "to", "num_outputs", "k"} {
			if b.IntN(4) == 0 {
				node.attributes = append(node.attributes, onnxAttribute{name, int(b.number(1))})
			}
		}
		if b.odd() {
			node.attributes = append(node.attributes, onnxAttribute{"value", constant("", 1, 2)}, onnxAttribute{"equation", b.name("ij,jk->ik")}, onnxAttribute{pick(b, "mode", "auto_pad"), b.name("SAME_UPPER")})
		}
		message := node.message()
		if b.odd() { // graphs within graphs
			inner := protobuf(nil).bytes(1, message)
			for range pick(b, 2, 50, 500) {
				inner = protobuf(nil).bytes(1, protobuf(nil).text(4, "If").text(1, "x").bytes(5, protobuf(nil).text(1, "then_branch").bytes(6, inner).integer(20, 5)))
			}
			message = protobuf(nil).text(4, "If").text(1, "x").text(2, node.outputs[0]).bytes(5, protobuf(nil).text(1, "then_branch").bytes(6, inner).integer(20, 5))
		}
		graph = graph.bytes(1, message)
		value = node.outputs[0]
		b.rare = rare
	}
	graph = graph.text(2, b.name("graph"))
	weight := onnxTensor{name: "w", elem: float32Type, dims: []int{int(b.number(4)), int(b.number(3)), int(b.number(1)), int(b.number(1))}, numbers: make([]float64, 12)}.message()
	if b.odd() {
		for _, pair := range [][2]string{{"location", b.name("x.onnx")}, {"offset", fmt.Sprint(b.number(0))}, {"length", fmt.Sprint(b.number(48))}} {
			weight = weight.bytes(13, protobuf(nil).text(1, pair[0]).text(2, pair[1]))
		}
		weight = weight.integer(14, 1)
	}
	graph = graph.bytes(5, weight).bytes(5, constant("n", 1, 3, 2, 2).message()).bytes(5, constant("f", 1).message())
	graph = graph.bytes(11, inputMessage(pick(b, "x", "w", ""), float32Type, []int{pick(b, 0, 1, -1), int(b.number(3)), int(b.number(8)), int(b.number(8))}))
	graph = graph.bytes(12, inputMessage(pick(b, value, "x", "none"), float32Type, []int{1, 2}))
	b.put(protobuf(nil).integer(1, b.number(8)).bytes(7, graph).bytes(8, protobuf(nil).text(1, pick(b, "", "ai.onnx.ml", "com.microsoft")).integer(2, b.number(17))))
}

// builtTOML writes settings that nest, come twice or have values beyond their types.
func builtTOML(b *builder) {
	var value func(depth int) string
	value = func(depth int) string {
		others := []string{"1e400", "-nan", "inf", "0x" + strings.Repeat("f", pick(b, 4, 40)), "0b2", "1__0", "1979-05-27T07:32:00.999999999999Z", "0000-00-00", "24:61:61", `"` + b.name("a") + `"`,
			`'` + b.name("a") + `'`, `"\ud800"`, `"\U00110000"`, `"""` + b.name("a") + `"""`, `'''`, `""""""""`, "true", ""}
		if depth < pick(b, 3, 30, 300) && b.IntN(3) == 0 {
			if b.IntN(2) == 0 {
				return "[" + strings.Repeat(value(depth+1)+",", b.IntN(3)) + "]"
			}
			return "{" + b.name("k") + " = " + value(depth+1) + pick(b, "}", ",}", "")
		}
		return pick(b, fmt.Sprint(b.number(7)), others...)
	}
	for i := range b.times(8) {
		key := pick(b, fmt.Sprint("key", i), `"`+b.name("k")+`"`, b.name("k"), strings.Repeat("a.", pick(b, 2, 20, 2000))+"b", "")
		b.put([]byte(pick(b, key+" = "+value(0), "["+key+"]", "[["+key+"]]", "[["+key+"]", "#"+b.name("x"), key+"\x00=1") + pick(b, "\n", "\r\n", "\r", "")))
		b.section()
	}
}

// builtDescription writes what lies beside a model of another program.
func builtDescription(b *builder) {
	list := func(usual int64) string {
		text := "["
		for range b.times(3) {
			text += fmt.Sprint(b.number(usual)) + pick(b, ", ", ",\n", "")
		}
		return text + pick(b, "]", "", "]]")
	}
	for _, line := range []string{"input = " + list(8), `layout = "` + b.name("nchw") + `"`, `order = "` + b.name("bgr") + `"`, "range = [0, " + fmt.Sprint(b.number(255)) + "]", "mean = " + list(1), "deviation = " + list(1),
		`fit = "` + pick(b, "crop", b.name("pad"), "strokes") + `"`, "shorter = " + fmt.Sprint(b.number(256)), `filter = "` + b.name("linear") + `"`, `output = "` + b.name("y") + `"`, `classes = "` + b.name("names.txt") + `"`} {
		if b.IntN(3) == 0 {
			b.put([]byte(line + pick(b, "\n", "\r\n", "", "\n"+line+"\n")))
			b.section()
		}
	}
}

// builtState changes what a checkpoint's metadata say of its run. The checksum is right.
func builtState(sound []byte) func(b *builder) {
	f, err := weights.Decode(sound)
	if err != nil {
		panic(err)
	}
	return func(b *builder) {
		changed := f
		changed.Metadata = maps.Clone(f.Metadata)
		for key, text := range f.Metadata {
			if json.Valid([]byte(text)) {
				changed.Metadata[key] = strings.ToValidUTF8(string(b.changed([]byte(text))), "?")
			}
		}
		var out bytes.Buffer
		if err := changed.Encode(&out); err != nil {
			panic(err)
		}
		b.put(out.Bytes())
	}
}

// builtThrift changes fields of the directory at the end of a sound Parquet file, which is
// a structure of Thrift's compact protocol.
func builtThrift(sound []byte) func(b *builder) {
	n := int(binary.LittleEndian.Uint32(sound[len(sound)-8:]))
	end := len(sound) - 8
	data, directory := sound[:end-n], sound[end-n:end]
	return func(b *builder) {
		b.rare *= 20
		b.put(b.bytes(data))
		b.section()
		out, _ := b.thrift(nil, directory, 12, 0)
		b.put(out)
		b.section()
		b.rare = max(1, b.rare/20)
		b.little(4, b.number(int64(len(out))))
		b.put([]byte(pick(b, "PAR1", "PARE", "PAR2")))
	}
}

// thrift appends a value of a type, some of whose parts are others
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
func (b *builder) thrift(out, in []byte, kind byte, depth int) (written, rest []byte) {
	varint := func() {
		v, n := binary.Uvarint(in)
		in = in[n:]
		out = binary.AppendUvarint(out, uint64(b.number(int64(v))))
	}
	switch kind {
	case 1, 2: // true and false are their types
	case 3:
		out, in = append(out, in[0]), in[1:]
	case 4, 5, 6:
		varint()
	case 7:
		out, in = append(out, in[:8]...), in[8:]
	case 8:
		size, n := binary.Uvarint(in)
		content := b.bytes(in[n:][:size])
		out = append(binary.AppendUvarint(out, uint64(b.number(int64(len(content))))), content...)
		in = in[n+int(size):]
	case 9, 10:
		head := in[0]
		in = in[1:]
		size := int(head >> 4)
		if size == 15 {
			v, n := binary.Uvarint(in)
			size, in = int(v), in[n:]
		}
		out = binary.AppendUvarint(append(out, 0xf0|pick(b, head&15, 8, 12, 9, 0)), uint64(b.number(int64(size))))
		for range size {
			out, in = b.thrift(out, in, head&15, depth+1)
		}
	case 12:
		for {
			head := in[0]
			out, in = append(out, head), in[1:]
			if head == 0 {
				break
			}
			if head>>4 == 0 { // the field's number follows
				v, n := binary.Uvarint(in)
				out, in = binary.AppendUvarint(out, v), in[n:]
			}
			out, in = b.thrift(out, in, head&15, depth+1)
		}
		if b.odd() { // structures within structures
			out = append(out, bytes.Repeat([]byte{0x1c}, 1<<b.IntN(16))...)
		}
	}
	return out, in
}
