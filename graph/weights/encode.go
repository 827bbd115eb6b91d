package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gorgonia.org/tensor"
)

// encode writes f to w.
func (f File) encode(w io.Writer) error {
	var err error
	if f.Int8 {
		if f, err = f.quantised(); err != nil {
			return err
		}
	}
	infos, err := f.layout()
	if err != nil {
		return err
	}
	if f, err = f.withChecksum(infos); err != nil {
		return err
	}
	text, err := f.header(infos)
	if err != nil {
		return err
	}
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if _, err := w.Write(append(prefix, text...)); err != nil {
		return err
	}
	var buf []byte
	for _, in := range infos {
		if buf, err = writeFloats(w, f.Tensors[in.name], in, buf); err != nil {
			return err
		}
	}
	return nil
}

// layout checks the tensors and places them: the widest type first, by name
// within a type.
func (f File) layout() ([]info, error) {
	infos := make([]info, 0, len(f.Tensors))
	for _, name := range slices.Sorted(maps.Keys(f.Tensors)) {
		in, err := describe(name, f.Tensors[name])
		if err != nil {
			return nil, fmt.Errorf("tensor %.64q: %w", name, err)
		}
		if f.Half && in.dtype.of == tensor.Float32 {
			in.dtype, in.end = half, in.count()*half.size
		}
		if f.whole[name] {
			in.dtype, in.end = int8s, in.count()*int8s.size
		}
		infos = append(infos, in)
	}
	slices.SortStableFunc(infos, func(a, b info) int { return cmp.Compare(b.dtype.size, a.dtype.size) })
	offset := 0
	for i := range infos {
		infos[i].begin += offset
		infos[i].end += offset
		offset = infos[i].end
	}
	return infos, nil
}

// describe returns a tensor's entry as if it were alone in the file, or an
// error that says why it cannot be written.
func describe(name string, t *tensor.Dense) (info, error) {
	switch {
	case name == metadataKey:
		return info{}, errors.New("the name is reserved for metadata, want another name")
	case !utf8.ValidString(name):
		return info{}, errors.New("the name is not valid UTF-8")
	case t == nil || t.Dtype().Type == nil:
		return info{}, errors.New("found nil or an empty struct, want a tensor")
	}
	i := slices.IndexFunc(dtypes, func(d dtype) bool { return d.of == t.Dtype() })
	switch {
	case i < 0:
		return info{}, fmt.Errorf("dtype %v, want float32 or float64", t.Dtype())
	case t.Dims() > maxDims:
		return info{}, fmt.Errorf("found %d dimensions, want at most %d", t.Dims(), maxDims)
	case slices.Contains(t.Shape(), 0):
		return info{}, fmt.Errorf("shape %v has a dimension 0, want 1 or more", t.Shape())
	case t.IsMasked():
		return info{}, errors.New("found a mask, which a file cannot hold")
	}
	if _, n := floats(t); !rowMajor(t) || n != t.Shape().TotalSize() {
		return info{}, fmt.Errorf("shape %v with strides %v is not contiguous and row-major: write its Materialize()", t.Shape(), t.Strides())
	}
	return info{name: name, dtype: dtypes[i], shape: t.Shape(), end: t.Shape().TotalSize() * dtypes[i].size}, nil
}

// rowMajor reports whether the elements are stored one after the other without
// gaps, the last dimension changing fastest.
func rowMajor(t *tensor.Dense) bool {
	shape, strides := t.Shape(), t.Strides()
	if len(strides) != len(shape) {
		return false
	}
	want := 1
	for i, d := range slices.Backward(shape) {
		if d != 1 && strides[i] != want {
			return false
		}
		want *= d
	}
	return true
}

// header returns the JSON text, with spaces at the end so that the data begins
// at a multiple of eight.
func (f File) header(infos []info) ([]byte, error) {
	for key, value := range f.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, fmt.Errorf("metadata %.64q is not valid UTF-8", key)
		}
	}
	if n := max(len(infos), len(f.Metadata)); n > maxEntries {
		return nil, fmt.Errorf("%d tensors or entries of metadata, want at most %d", n, maxEntries)
	}
	entries := []string{quote(metadataKey) + ":" + quote(f.Metadata)}
	for _, in := range infos {
		entries = append(entries, fmt.Sprintf(`%s:{"dtype":%s,"shape":%s,"data_offsets":[%d,%d]}`,
			quote(in.name), quote(in.dtype.name), quote(append([]int{}, in.shape...)), in.begin, in.end))
	}
	text := "{" + strings.Join(entries, ",") + "}"
	text += strings.Repeat(" ", -len(text)&7)
	if len(text) > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d: shorten names or metadata", len(text), maxHeader)
	}
	return []byte(text), nil
}

// quote returns the JSON of a string, of a map of strings with its keys in
// order, or of a list of integers. The characters < > & are not escaped.
func quote(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // a bug of ours: v is a string, a map of strings or a list of numbers
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// writeFloats writes t's numbers in pieces through buf, which it returns for
// the next call.
func writeFloats(w io.Writer, t *tensor.Dense, in info, buf []byte) ([]byte, error) {
	data, n := floats(t)
	step := pieceSize / in.dtype.size
	for i := 0; i < n; i += step {
		var err error
		piece := part(data, i, min(i+step, n))
		switch in.dtype {
		case half:
			if piece, err = halves(piece.([]float32)); err != nil {
				return buf, fmt.Errorf("tensor %.64q: %w", in.name, err)
			}
		case int8s:
			piece = bytesOf(piece.([]float32))
		}
		if buf, err = binary.Append(buf[:0], binary.LittleEndian, piece); err != nil {
			return buf, err
		}
		if _, err := w.Write(buf); err != nil {
			return buf, err
		}
	}
	return buf, nil
}
