package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// NumPy's format of one array: a magic string, a version, the length of a
// header, the header, which is a Python dictionary, and the numbers.

const (
	npyMagic = "\x93NUMPY"
	// maxNPYHeader is NumPy's own limit on a header's length.
	maxNPYHeader = 10_000
)

// npyHeader returns the bytes before an array's numbers: magic string, version,
// length of the dictionary, dictionary.
func npyHeader(descr string, shape []int) []byte {
	var dims strings.Builder
	for _, d := range shape {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	tuple := strings.TrimSuffix(dims.String(), " ") // (3,) has a comma, (3, 4,) may
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const start = len(npyMagic) + 4
	dict += strings.Repeat(" ", -(start+len(dict)+1)&63) + "\n" // the numbers begin at a multiple of 64
	b := append([]byte(npyMagic), 1, 0)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(dict))), dict...)
}

// EncodeNPY writes rows of as many numbers each as NumPy's save does: an array
// (rows,columns) of float32.
func EncodeNPY(w io.Writer, rows [][]float32, columns int) error {
	if _, err := w.Write(npyHeader("<f4", []int{len(rows), columns})); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	var b []byte
	for i, row := range rows {
		if len(row) != columns {
			return fmt.Errorf("weights: row %d has %d numbers, want %d", i, len(row), columns)
		}
		b, _ = binary.Append(b[:0], binary.LittleEndian, row) // fails for other types alone
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("weights: %w", err)
		}
	}
	return nil
}

// npy is an array's header.
type npy struct {
	order   binary.ByteOrder
	kind    byte // f for floats, U for text
	size    int  // bytes of a number, or characters of a text
	fortran bool // column-major: the first dimension changes fastest
	shape   []int
}

var (
	npyDict  = regexp.MustCompile(`^\{(?:\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9, ]*\))\s*,?){3}\s*\}\s*$`)
	npyEntry = regexp.MustCompile(`'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([0-9, ]*\))`)
	npyDescr = regexp.MustCompile(`^'([<>|=])([fU])([0-9]{1,6})'$`)
)

// readNPY reads an array's header and returns it with its length.
func readNPY(r io.Reader) (h npy, length int, err error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != npyMagic {
		return h, 0, fmt.Errorf("found %.8q, want a NumPy array", start)
	}
	size := make([]byte, 2)
	if start[6] > 1 {
		size = make([]byte, 4)
	}
	if start[6] < 1 || start[6] > 3 || start[7] != 0 {
		return h, 0, fmt.Errorf("found version %d.%d of NumPy's format, want 1.0 to 3.0", start[6], start[7])
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return h, 0, err
	}
	n := uint32(binary.LittleEndian.Uint16(size))
	if len(size) == 4 {
		n = binary.LittleEndian.Uint32(size)
	}
	if n > maxNPYHeader {
		return h, 0, fmt.Errorf("found a header of %d bytes, want at most %d", n, maxNPYHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, 0, err
	}
	h, err = parseNPY(text)
	return h, len(start) + len(size) + len(text), err
}

// parseNPY reads the dictionary of three entries, in any order.
func parseNPY(text []byte) (h npy, err error) {
	if !npyDict.Match(text) {
		return h, fmt.Errorf("found %.80q, want a dictionary of descr, fortran_order and shape", text)
	}
	found := map[string]string{}
	for _, m := range npyEntry.FindAllSubmatch(text, -1) {
		found[string(m[1])] = string(m[2])
	}
	descr := npyDescr.FindStringSubmatch(found["descr"])
	if descr == nil {
		return h, fmt.Errorf("found an array of type %.20s, want floats", found["descr"])
	}
	h.order = binary.LittleEndian
	if descr[1] == ">" {
		h.order = binary.BigEndian
	}
	h.kind = descr[2][0]
	h.size, _ = strconv.Atoi(descr[3]) // digits, as the expression has it
	if h.kind == 'f' && h.size != 2 && h.size != 4 && h.size != 8 {
		return h, fmt.Errorf("found an array of type %.20s, want f2, f4 or f8", found["descr"])
	}
	if f := found["fortran_order"]; f != "True" && f != "False" {
		return h, fmt.Errorf("fortran_order is %.20q, want True or False", f)
	}
	h.fortran = found["fortran_order"] == "True"
	h.shape, err = parseTuple(found["shape"])
	return h, err
}

// parseTuple reads a shape, as in (), (3,) or (3, 4).
func parseTuple(s string) (shape []int, err error) {
	if !strings.HasPrefix(s, "(") || len(s) > 20*maxDims {
		return nil, fmt.Errorf("shape is %.40q, want up to %d numbers", s, maxDims)
	}
	inner := s[1 : len(s)-1] // as npyDict has it, there is a bracket at the end
	fields := strings.Split(inner, ",")
	if last := len(fields) - 1; strings.TrimSpace(fields[last]) == "" {
		fields = fields[:last]
	}
	shape = []int{}
	for _, f := range fields {
		d, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || d < 1 || len(shape) == maxDims {
			return nil, fmt.Errorf("shape is %.40q, want up to %d numbers of 1 or more", s, maxDims)
		}
		shape = append(shape, d)
	}
	return shape, nil
}

// floats reads an array's numbers, which take the given number of bytes:
// float16 and float32 as []float32, float64 as []float64, in row-major order.
func (h npy) floats(r io.Reader, bytes int64) (data any, err error) {
	in := info{shape: h.shape, begin: 0, end: int(bytes), dtype: dtype{name: fmt.Sprintf("f%d", h.size), size: h.size}}
	if err := in.fits(); err != nil {
		return nil, err
	}
	switch h.size {
	case 2:
		half, err := readPieces[uint16](r, h.order, in.count())
		if err != nil {
			return nil, err
		}
		single := make([]float32, len(half))
		for i, v := range half {
			single[i] = FromHalf(v)
		}
		return rowByRow(h, single), nil
	case 4:
		v, err := readPieces[float32](r, h.order, in.count())
		return rowByRow(h, v), err
	}
	v, err := readPieces[float64](r, h.order, in.count())
	return rowByRow(h, v), err
}

// readPieces reads n numbers, through a buffer of bounded size.
func readPieces[T any](r io.Reader, order binary.ByteOrder, n int) ([]T, error) {
	values := make([]T, n)
	for rest := values; len(rest) > 0; {
		piece := rest[:min(len(rest), pieceSize/8)]
		if err := binary.Read(r, order, piece); err != nil {
			return nil, err
		}
		rest = rest[len(piece):]
	}
	return values, nil
}

// rowByRow returns an array's numbers in row-major order.
func rowByRow[T any](h npy, values []T) []T {
	if !h.fortran || len(values) == 0 {
		return values
	}
	rows := make([]T, len(values))
	at := make([]int, len(h.shape))
	for i := range rows {
		from, step := 0, 1
		for d, k := range at {
			from, step = from+k*step, step*h.shape[d]
		}
		rows[i] = values[from]
		for d := len(at) - 1; d >= 0; d-- {
			if at[d]++; at[d] < h.shape[d] {
				break
			}
			at[d] = 0
		}
	}
	return rows
}

// text reads a text of 4 bytes a character.
func (h npy) text(r io.Reader, size int64) (string, error) {
	if len(h.shape) != 0 || size != 4*int64(h.size) {
		return "", errors.New("want one text")
	}
	var b bytes.Buffer
	runes, err := readPieces[uint32](r, h.order, h.size)
	for _, c := range runes {
		b.WriteRune(rune(min(c, math.MaxInt32)))
	}
	return strings.TrimRight(b.String(), "\x00"), err
}
