package onnx

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"sync"
)

// source is a file that is read from its beginning to its end. What it says of its
// own sizes is not believed: memory is taken for bytes that are known to be there,
// or that have come.
type source struct {
	r    *bufio.Reader
	left int64 // bytes of the file, endless if that is not known

	entries int // of all lists so far

	turn  bool            // weights that are wanted transposed
	graph *graphProto     // the graph that is being read
	turns map[string]bool // see turnedWeights; nil until the first weight
	piece [2][]byte       // for what is converted while it is read
}

// endless is the number of bytes of a file, or of its outermost message, of which
// nobody knows it.
const endless = math.MaxInt64

// pieceSize is how many bytes are converted at a time: of the data of a tensor there
// is one copy in memory, in the tensor itself.
const pieceSize = 1 << 18

// newSource is the source of a reader. It asks readers that know how much they have
// left, such as a bytes.Reader.
func newSource(r io.Reader) *source {
	in := &source{r: bufio.NewReaderSize(r, 1<<16), left: endless}
	if l, ok := r.(interface{ Len() int }); ok {
		in.left = int64(l.Len())
	}
	return in
}

// most is the most bytes that can come.
func (in *source) most() int64 { return in.left }

// ended reports whether a file of unknown length has come to its end.
func (in *source) ended() bool {
	_, err := in.r.Peek(1)
	return err == io.EOF
}

// took notes that bytes were read.
func (in *source) took(n int64, err error) error {
	if in.left != endless {
		in.left -= n
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errCut
	}
	return err
}

// read fills b.
func (in *source) read(b []byte) error {
	n, err := io.ReadFull(in.r, b)
	return in.took(int64(n), err)
}

func (in *source) skip(size int64) error {
	for size > 0 {
		n, err := in.r.Discard(int(min(size, 1<<30)))
		size -= int64(n)
		if err := in.took(int64(n), err); err != nil {
			return err
		}
	}
	return nil
}

// varint reads a number of at most so many bytes. n is how many there were.
func (in *source) varint(most int64) (v uint64, n int64, err error) {
	for shift := 0; shift < 70; shift += 7 {
		if n == most {
			return 0, n, errCut
		}
		b, err := in.r.ReadByte()
		if err := in.took(1, err); err != nil {
			return 0, n, err
		}
		if n++; shift == 63 && b > 1 {
			break
		}
		if v |= uint64(b&0x7f) << shift; b < 0x80 {
			return v, n, nil
		}
	}
	return 0, n, errCut
}

// bytes reads so many bytes.
func (in *source) bytes(size int64) (b []byte, err error) {
	b = []byte{}
	for int64(len(b)) < size {
		at := len(b)
		b = append(b, make([]byte, in.believed(int64(at), size))...)
		if err := in.read(b[at:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// believed is how many more of size bytes to take memory for, when so many have
// come: all, if the file has them, else as many again.
func (in *source) believed(have, size int64) int64 {
	if in.left != endless {
		return size - have
	}
	return min(size-have, max(have, pieceSize))
}

// floats reads so many bytes of numbers.
func (in *source) floats(size int64) (v []float32, err error) {
	if size%4 != 0 {
		return nil, errCut
	}
	v = []float32{}
	for have := int64(0); have < size; have = 4 * int64(len(v)) {
		at := len(v)
		v = append(v, make([]float32, in.believed(have, size)/4)...)
		if err := in.fill(v[at:]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// fill reads numbers.
func (in *source) fill(v []float32) error {
	return in.pieces(4*len(v), pieceSize, func(at int, b []byte) { singles(v[at/4:][:len(b)/4], b) })
}

// pieces reads so many bytes, piece by piece, and calls use with each and where it
// begins: while the next one is read, as long as a file is.
func (in *source) pieces(size, piece int, use func(at int, b []byte)) error {
	var using sync.WaitGroup
	defer using.Wait()
	for at := 0; at < size; at += piece {
		in.piece[0], in.piece[1] = in.piece[1], in.piece[0]
		n := min(piece, size-at)
		if cap(in.piece[0]) < n {
			in.piece[0] = make([]byte, n)
		}
		b := in.piece[0][:n]
		if err := in.read(b); err != nil {
			return err
		}
		using.Wait()
		if n == size {
			use(at, b)
		} else {
			using.Go(func() { use(at, b) })
		}
	}
	return nil
}

// singles converts the bytes of numbers.
func singles(v []float32, b []byte) {
	b = b[:4*len(v)]
	for i := range v {
		v[i] = number32(b[4*i:])
	}
}

func number32(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
