// Package weights keeps named tensors in safetensors files and writes files
// atomically.
//
// A safetensors file is the length of a JSON header (eight bytes, little
// endian), the header, and the tensors' numbers: no code and no compression, so
// that any framework can read it. A [File] is its content; [File.Save] writes
// one and [Load] reads it back. Files are hostile until checked: Load believes
// no length, shape or offset before it has compared it with the size of the
// file.
//
// Save is built on [WriteFile]. Any other file that must never be seen half
// written (a history, a configuration) goes through it too.
package weights

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"gorgonia.org/tensor"

	"tapenet/graph/regular"
)

// File is the content of a safetensors file. The zero value is an empty one.
type File struct {
	// Tensors by name: float32 or float64, unmasked, stored contiguously in
	// row-major order, no dimension 0. The shape () is a scalar.
	Tensors map[string]*tensor.Dense
	// Half has Save and Encode round float32 tensors to float16, in half the
	// space; one beyond ±65504 is refused. Load makes them float32 again.
	// NumPy's files have it too.
	Half bool
	// Int8 has Save and Encode round filters (F,C,H,W) and products' weights
	// (in,out) of float32 to int8 by output channel, in a quarter of the space,
	// with scales beside them: each number changes by half its channel's scale
	// at most, a 254th of the channel's largest number. Load makes them float32
	// again. NumPy's files do not have it.
	Int8 bool
	// Metadata is free text for the reader, such as a format version. Empty and
	// nil are the same. The entries tapenet.sha256 and tapenet.sha256.metadata are Save's
	// and Load's.
	Metadata map[string]string
	// Checksum is that of the content when it was written, as Load has found it right;
	// "" of files without one, of earlier versions and of other programs. Save makes a new one.
	Checksum string

	whole map[string]bool // names of float32 tensors of whole numbers, to be written as int8
}

// Save writes f to path as [WriteFile] does: path holds either all of f or what
// it held before. Equal content gives equal bytes. The tensors must not be
// written to meanwhile.
func (f File) Save(path string) error {
	return WriteFile(path, f.encode)
}

// Load reads the file at path, and compares it with its checksum, if it has one: the error
// is then an [ErrDamaged]. The tensors own their memory. Besides them it
// needs a small multiple of the header's size, whatever the file says. A
// missing file satisfies errors.Is(err, fs.ErrNotExist).
func Load(path string) (File, error) {
	r, size, err := regular.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("weights: %w", err)
	}
	defer r.Close()
	f, err := decode(bufio.NewReader(r), size)
	if err != nil {
		return File{}, fmt.Errorf("weights: %s: %w", path, err)
	}
	return f, nil
}

// Encode writes f to w in large pieces: w need not be buffered. Equal content
// gives equal bytes.
func (f File) Encode(w io.Writer) error {
	if err := f.encode(w); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// Decode reads a whole file from memory, such as embedded weights. The result
// does not alias b.
func Decode(b []byte) (File, error) {
	f, err := decode(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return File{}, fmt.Errorf("weights: %w", err)
	}
	return f, nil
}
