package main

import (
	"strings"
	"testing"
)

const events = `{"Action":"output","Package":"a","Test":"TestOne","Output":"needs root\n"}
{"Action":"skip","Package":"a","Test":"TestOne"}
{"Action":"output","Package":"a","Test":"TestTwo/avx512","Output":"no AVX-512\n"}
{"Action":"skip","Package":"a","Test":"TestTwo/avx512"}
{"Action":"pass","Package":"a","Test":"TestTwo"}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a"}
`

func TestCheck(t *testing.T) {
	const one, two = "a TestOne needs another user\n", "a TestTwo/* needs such a processor # a comment\n"
	for _, tt := range []struct{ name, list, events, want, err string }{
		{"all in the list", one + two, events, "ok  \ta\t0.1s\n2 tests were skipped:\n  a TestOne: needs another user\n  a TestTwo/avx512: needs such a processor\n", ""},
		{"one is not", one, events, "1 tests were skipped:\n  a TestOne: needs another user\n", "1 tests were skipped that are not in the list:\n  a TestTwo/avx512: no AVX-512"},
		{"of another package", "b TestOne x\n" + two, events, "", "a TestOne: needs root"},
		{"a failure", one + two, strings.Replace(events, `"pass","Package":"a"}`, `"fail","Package":"a"}`, 1), "PASS\nok  \ta\t0.1s\n", "tests failed"},
		{"no program", "", `{"Action":"build-output","ImportPath":"a","Output":"a.go:1: undefined\n"}` + "\n" + `{"Action":"build-fail","ImportPath":"a"}`, "a.go:1: undefined\n", "tests failed"},
		{"no JSON", "", "ok a 0.1s\n", "", "go test -json: invalid character"},
	} {
		allowed, err := readList(strings.NewReader(tt.list))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = check(strings.NewReader(tt.events), &out, allowed)
		if !strings.Contains(out.String(), tt.want) || (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %q and error %v, want %q and %q", tt.name, &out, err, tt.want, tt.err)
		}
	}
	if _, err := readList(strings.NewReader("a TestOne\n")); err == nil || !strings.Contains(err.Error(), "want a package, a test and a reason") {
		t.Errorf("error %v of a line without a reason", err)
	}
}
