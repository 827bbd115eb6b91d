package serve

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// encodings are the content codings that a body may have, besides none.
const encodings = "gzip, deflate"

// What (un)packing takes besides the data, in bytes: measured, and rounded up.
const (
	inflateBytes = 64 << 10
	deflateBytes = 1280 << 10
)

// source is the request's body, unpacked. Packed and unpacked it has at most Body
// bytes. Its errors are failures.
func (c *call) source() (io.Reader, error) {
	most := c.server.config.Body
	if c.ContentLength > most {
		return nil, tooLarge("the body has %d bytes, want at most %d", c.ContentLength, most)
	}
	body := &bodyReader{r: http.MaxBytesReader(c.w, c.Body, most), most: most}
	encoding := strings.ToLower(strings.TrimSpace(c.Header.Get("Content-Encoding")))
	if encoding == "" || encoding == "identity" {
		return body, nil
	}
	if err := c.Take(inflateBytes); err != nil {
		return nil, err
	}
	var r io.Reader
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(body)
	case "deflate":
		r, err = inflate(body)
	default:
		c.w.Header().Set("Accept-Encoding", encodings)
		return nil, failed(http.StatusUnsupportedMediaType, kindInput, "content encoding %.40q, want none or one of %s", encoding, encodings)
	}
	if err != nil {
		return nil, unpackFailure(encoding, err)
	}
	return &unpacked{r: r, encoding: encoding, left: most, most: most}, nil
}

// inflate reads the zlib format that deflate is the name of, and the bare deflate
// format, which some clients send instead. A zlib header is a multiple of 31 whose
// low bits are 8; bare deflate that begins so would be a stored block of a wrong
// length.
func inflate(r io.Reader) (io.Reader, error) {
	var head [2]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), r)
	if n == 2 && head[0]&15 == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(whole)
	}
	return flate.NewReader(whole), nil
}

// bodyReader turns the errors of a body into failures.
type bodyReader struct {
	r    io.Reader
	most int64
}

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = bodyFailure(err, b.most)
	}
	return n, err
}

func bodyFailure(err error, most int64) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge("the body has more than %d bytes", most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(http.StatusRequestTimeout, kindSlow, "the body did not come in time")
	}
	return failed(http.StatusBadRequest, kindSlow, "the body ends early: %v", err)
}

// unpacked bounds what comes out of a packed body.
type unpacked struct {
	r          io.Reader
	encoding   string
	left, most int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if int64(len(p)) > u.left+1 { // one more shows that it is too much
		p = p[:u.left+1]
	}
	n, err := u.r.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, tooLarge("the body has more than %d bytes, unpacked", u.most)
	}
	if err != nil && err != io.EOF {
		err = unpackFailure(u.encoding, err)
	}
	return n, err
}

func unpackFailure(encoding string, err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return malformed("the body is not %s, or broken: %v", encoding, err)
}

// packable is the size from which an answer is packed for a client that takes it so:
// below it there is little to save.
const packable = 4 << 10

// packed packs an answer if its client accepts that and there is memory for it.
func (c *call) packed(body []byte) []byte {
	if len(body) < packable {
		return body
	}
	h := c.w.Header()
	h.Add("Vary", "Accept-Encoding")
	encoding := accepted(c.Header.Get("Accept-Encoding"))
	if encoding == "" || c.Take(deflateBytes+int64(len(body))) != nil {
		return body
	}
	var b bytes.Buffer
	b.Grow(len(body) / 2)
	pack(&b, encoding, body)
	h.Set("Content-Encoding", encoding)
	return b.Bytes()
}

var (
	gzipWriters = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }} // the level is valid
	zlibWriters = sync.Pool{New: func() any { w, _ := zlib.NewWriterLevel(nil, zlib.BestSpeed); return w }}
)

// pack cannot fail: a buffer takes everything.
func pack(b *bytes.Buffer, encoding string, body []byte) {
	pool := &gzipWriters
	if encoding == "deflate" {
		pool = &zlibWriters
	}
	w := pool.Get().(interface {
		io.WriteCloser
		Reset(io.Writer)
	})
	w.Reset(b)
	w.Write(body)
	w.Close()
	pool.Put(w)
}

// accepted is the coding to use for an Accept-Encoding header: gzip, deflate, or ""
// for none.
func accepted(header string) (encoding string) {
	taken := map[string]bool{}
	for part := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if key, value, ok := strings.Cut(strings.TrimSpace(params), "="); ok && strings.TrimSpace(key) == "q" {
			q, _ = strconv.ParseFloat(strings.TrimSpace(value), 64) // 0 if it is no number
		}
		taken[strings.TrimSpace(name)] = q > 0
	}
	for _, name := range []string{"gzip", "deflate"} {
		if ok, named := taken[name]; ok || !named && taken["*"] {
			return name
		}
	}
	return ""
}
