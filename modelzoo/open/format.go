package open

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tapenet/graph/regular"
)

// wanted lists what Open reads.
const wanted = ".safetensors and .npz as train and export write them, .onnx, Keras's .keras and .h5, TensorFlow.js's model.json"

// hdf5Magic is what an HDF5 file begins with, or has at 512, 1024, 2048 and so on.
const hdf5Magic = "\x89HDF\r\n\x1a\n"

// others are the first bytes of files that people take for models, or try.
var others = []struct {
	at    int
	bytes string
	what  string
}{
	{4, "TFL3", "a TensorFlow Lite model: want the Keras model that it was converted from, or an ONNX file"},
	{0, "GGUF", "a GGUF file of language models"},
	{0, "\x80\x02", "a PyTorch or Python pickle: want torch.onnx.export(model, example, \"model.onnx\")"},
	{0, "\x80\x04", "a PyTorch or Python pickle: want torch.onnx.export(model, example, \"model.onnx\")"},
	{0, "version https://git-lfs", "a pointer of Git LFS: git lfs pull gets the file itself"},
	{0, "\x89PNG", "a PNG picture"},
	{0, "\xff\xd8\xff", "a JPEG picture"},
	{0, "GIF8", "a GIF picture"},
	{0, "\x1f\x8b", "compressed by gzip: gunzip it first"},
	{0, "7z\xbc\xaf", "a 7z archive: unpack it first"},
	{0, "\x7fELF", "a program"},
	{0, "<?xml", "XML, such as an OpenVINO model: want the ONNX file that it was made of"},
	{0, "<!DOCTYPE", "a web page, as a failed download leaves it"},
	{0, "<html", "a web page, as a failed download leaves it"},
}

// formatOf tells what a file is by its content. A file without any mark is an ONNX
// file: protobuf has none.
func formatOf(path string) (string, error) {
	f, size, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	head = head[:n]
	format, what := sniff(head, size)
	if what == "" && format == "" && strings.HasPrefix(string(head), "PK\x03\x04") {
		format, what = archived(f, size)
	}
	switch {
	case what == "" && format != "":
		return format, nil
	case what == "" && filepath.Ext(path) == ".safetensors": // too short or overwritten: its reader says where
		return SafeTensors, nil
	case what == "":
		return ONNX, nil
	}
	return "", fmt.Errorf("%s is %s; read are %s", path, what, wanted)
}

// sniff looks at a file's first bytes: it has a format, or is something else, or
// both are "" if they do not tell.
func sniff(head []byte, size int64) (format, what string) {
	if len(head) == 0 {
		return "", "empty"
	}
	if len(head) > 8 && head[8] == '{' && binary.LittleEndian.Uint64(head) < uint64(size) {
		return SafeTensors, ""
	}
	for at := 0; at+len(hdf5Magic) <= len(head); at = max(512, 2*at) {
		if string(head[at:at+len(hdf5Magic)]) == hdf5Magic {
			return Keras, ""
		}
	}
	for _, f := range others {
		if len(head) >= f.at+len(f.bytes) && string(head[f.at:f.at+len(f.bytes)]) == f.bytes {
			return "", f.what
		}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) > 0 && text[0] == '{':
		return TensorFlowJS, ""
	case isText(text):
		return "", "text"
	}
	return "", ""
}

// isText reports whether the first bytes of a file are text in UTF-8.
func isText(b []byte) bool {
	for range utf8.UTFMax - 1 { // the last rune may have been cut
		if r, _ := utf8.DecodeLastRune(b); r != utf8.RuneError || len(b) == 0 {
			break
		}
		b = b[:len(b)-1]
	}
	return utf8.Valid(b) && !bytes.ContainsFunc(b, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}

// archived tells what a zip archive is by the names in it.
func archived(r io.ReaderAt, size int64) (format, what string) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return "", "a broken zip archive"
	}
	has := func(fits func(name string) bool) bool {
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return fits(f.Name) })
	}
	switch {
	case has(func(name string) bool { return strings.HasPrefix(name, "model.weights.") }): // its reader says which there may be
		return Keras, ""
	case has(func(name string) bool { return filepath.Base(name) == "data.pkl" }):
		return "", "a PyTorch checkpoint: want torch.onnx.export(model, example, \"model.onnx\")"
	case has(func(name string) bool { return strings.HasSuffix(name, ".npy") }):
		return NPZ, ""
	case has(func(name string) bool { return filepath.Base(name) == "model.json" }):
		return "", "a zip archive with a model.json in it: unpack it first"
	}
	return "", "a zip archive"
}
