package serve

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// TraceID is the trace to which a request belongs: what its traceparent header says,
// as W3C's Trace Context has it. It is zero for a request without that header, and for
// one whose header is invalid, or comes several times: that one is ignored.
//
// https://www.w3.org/TR/trace-context/#traceparent-header: version, trace, parent and
// flags, 2, 32, 16 and 2 digits of lower-case hexadecimals between hyphens. The trace and
// the parent are not 0; version ff is invalid. Versions after 00 may go on behind
// another hyphen.
func TraceID(h http.Header) (id [16]byte) {
	values := h.Values("Traceparent")
	if len(values) != 1 {
		return id
	}
	const size = 2 + 1 + 32 + 1 + 16 + 1 + 2
	text := values[0]
	if len(text) > size && (strings.HasPrefix(text, "00") || text[size] != '-') || len(text) < size {
		return id
	}
	var version, flags [1]byte
	var trace [16]byte
	var parent [8]byte
	rest := text[:size]
	for _, field := range [][]byte{version[:], trace[:], parent[:], flags[:]} {
		digits := 2 * len(field)
		if !fromHex(field, rest[:digits]) {
			return id
		}
		if rest = rest[digits:]; rest != "" {
			if rest[0] != '-' {
				return id
			}
			rest = rest[1:]
		}
	}
	if version[0] == 0xff || parent == [8]byte{} {
		return id
	}
	return trace
}

// fromHex decodes lower-case digits, two for each byte of to.
func fromHex(to []byte, text string) bool {
	if strings.ContainsAny(text, "ABCDEF") {
		return false
	}
	_, err := hex.Decode(to, []byte(text))
	return err == nil
}

// newTrace is the identifier of a trace that begins here.
func newTrace() (id [16]byte) {
	rand.Read(id[:]) // it never fails
	return id
}
