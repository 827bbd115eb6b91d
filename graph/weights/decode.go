package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"gorgonia.org/tensor"
)

// decode reads a file of size bytes from r.
func decode(r io.Reader, size int64) (File, error) {
	text, err := readHeader(r, size)
	if err != nil {
		return File{}, err
	}
	meta, infos, err := parseHeader(text)
	if err != nil {
		return File{}, err
	}
	if err := check(infos, size-8-int64(len(text))); err != nil {
		return File{}, err
	}
	f := File{Tensors: make(map[string]*tensor.Dense, len(infos)), Metadata: meta}
	var buf []byte
	h := sha256.New()
	var sums []sum // of a file that has a checksum
	if meta[checksumKey] != "" {
		r, sums = io.TeeReader(r, h), make([]sum, len(infos))
	}
	for i, in := range infos {
		data := in.dtype.alloc(in.count())
		if buf, err = readFloats(r, data, in, buf); err != nil {
			return File{}, fmt.Errorf("tensor %.64q: %w", in.name, err)
		}
		if sums != nil {
			sums[i].take(h)
		}
		f.Tensors[in.name] = dense(data, in.shape)
	}
	if err := f.verify(infos, sums); err != nil {
		return File{}, err
	}
	if err := f.dequantise(infos); err != nil {
		return File{}, err
	}
	return f, nil
}

// readHeader returns the header's text, which is no longer than the file.
func readHeader(r io.Reader, size int64) ([]byte, error) {
	if size < 8 {
		return nil, fmt.Errorf("found %d bytes, want a safetensors file of at least 8", size)
	}
	var prefix [8]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader || n > uint64(size-8) {
		return nil, fmt.Errorf("found a header of %d bytes, want at most %d: cut off, or not a safetensors file", n, min(maxHeader, size-8))
	}
	text := make([]byte, n)
	_, err := io.ReadFull(r, text)
	return text, err
}

// readFloats fills data, a []float32 or []float64, in pieces through buf, which
// it returns for the next call.
func readFloats(r io.Reader, data any, in info, buf []byte) ([]byte, error) {
	step := pieceSize / in.dtype.size
	for i := 0; i < in.count(); i += step {
		j := min(i+step, in.count())
		n := (j - i) * in.dtype.size
		if n > cap(buf) {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return buf, err
		}
		switch in.dtype {
		case half:
			singles(data.([]float32)[i:j], buf[:n])
		case int8s:
			for k, b := range buf[:n] {
				data.([]float32)[i+k] = float32(int8(b))
			}
		default:
			if _, err := binary.Decode(buf[:n], binary.LittleEndian, part(data, i, j)); err != nil {
				return buf, err
			}
		}
	}
	return buf, nil
}
