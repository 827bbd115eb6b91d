package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gorgonia.org/tensor"

	"tapenet/graph/regular"
)

// NumPy's .npz is a zip file with one array, name.npy, for each tensor.
// Metadata is a text of JSON in an array of its own, __metadata__.

// A zip file may expand to far more than its size, while weights hardly shrink.
// An .npz file may expand to maxExpansion times its size plus freeBytes.
const (
	maxExpansion = 64
	freeBytes    = 1 << 20
)

// EncodeNPZ writes f as NumPy's savez does, uncompressed. Equal content gives
// equal bytes.
func (f File) EncodeNPZ(w io.Writer) error {
	if err := f.encodeNPZ(w); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// SaveNPZ writes f to path as NumPy's savez does, by [WriteFile].
func (f File) SaveNPZ(path string) error { return WriteFile(path, f.encodeNPZ) }

func (f File) encodeNPZ(w io.Writer) error {
	if f.Int8 {
		return errors.New("found Int8 for an .npz file, want it for safetensors")
	}
	infos, err := f.layout()
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	if len(f.Metadata) > 0 {
		if err := f.npzMetadata(z); err != nil {
			return err
		}
	}
	var buf []byte
	for _, in := range infos {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: in.name + ".npy"})
		if err != nil {
			return err
		}
		if _, err := entry.Write(npyHeader(fmt.Sprintf("<f%d", in.dtype.size), in.shape)); err != nil {
			return err
		}
		if buf, err = writeFloats(entry, f.Tensors[in.name], in, buf); err != nil {
			return err
		}
	}
	return z.Close()
}

// npzMetadata writes the metadata's array.
func (f File) npzMetadata(z *zip.Writer) error {
	for key, value := range f.Metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return fmt.Errorf("metadata %.64q is not valid UTF-8", key)
		}
	}
	text := []rune(quote(f.Metadata))
	entry, err := z.CreateHeader(&zip.FileHeader{Name: metadataKey + ".npy"})
	if err != nil {
		return err
	}
	b := npyHeader(fmt.Sprintf("<U%d", len(text)), nil)
	if b, err = binary.Append(b, binary.LittleEndian, text); err != nil {
		return err
	}
	_, err = entry.Write(b)
	return err
}

// LoadNPZ reads an .npz file of float16, float32 or float64 arrays, compressed
// or not. float16 becomes float32. Like [Load] it trusts nothing in the file.
func LoadNPZ(path string) (File, error) {
	r, size, err := regular.Open(path)
	if err != nil {
		return File{}, fmt.Errorf("weights: %w", err)
	}
	defer r.Close()
	f, err := decodeNPZ(r, size)
	if err != nil {
		return File{}, fmt.Errorf("weights: %s: %w", path, err)
	}
	return f, nil
}

// DecodeNPZ reads a whole .npz file from memory.
func DecodeNPZ(b []byte) (File, error) {
	f, err := decodeNPZ(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return File{}, fmt.Errorf("weights: %w", err)
	}
	return f, nil
}

func decodeNPZ(r io.ReaderAt, size int64) (File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return File{}, err
	}
	f := File{Tensors: make(map[string]*tensor.Dense, len(z.File))}
	left := uint64(maxExpansion*size + freeBytes)
	for _, entry := range z.File {
		if entry.UncompressedSize64 > left {
			return File{}, fmt.Errorf("%.64q expands to %d bytes, want at most %d for a file of this size: save it uncompressed", entry.Name, entry.UncompressedSize64, left)
		}
		left -= entry.UncompressedSize64
		if err := f.add(entry); err != nil {
			return File{}, fmt.Errorf("%.64q: %w", entry.Name, err)
		}
	}
	return f, nil
}

// add reads one array.
func (f *File) add(entry *zip.File) error {
	name, ok := strings.CutSuffix(entry.Name, ".npy")
	if !ok || name == "" || !utf8.ValidString(name) {
		return errors.New("want a name ending in .npy")
	}
	if f.Tensors[name] != nil || name == metadataKey && f.Metadata != nil {
		return errors.New("appears twice, want once")
	}
	r, err := entry.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	h, length, err := readNPY(r)
	if err != nil {
		return err
	}
	size := int64(entry.UncompressedSize64) - int64(length)
	switch {
	case name == metadataKey && h.kind == 'U':
		err = f.readMetadata(h, r, size)
	case name == metadataKey || h.kind != 'f':
		return errors.New("want an array of floats")
	default:
		var data any
		if data, err = h.floats(r, size); err == nil {
			f.Tensors[name] = dense(data, h.shape)
		}
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r) // to the end, where the checksum is
	return err
}

func (f *File) readMetadata(h npy, r io.Reader, size int64) error {
	text, err := h.text(r, size)
	if err != nil {
		return err
	}
	f.Metadata = map[string]string{}
	return json.Unmarshal([]byte(text), &f.Metadata)
}
