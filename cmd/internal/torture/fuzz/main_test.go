package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFind: every target of the module is found once, and the end of a name chooses.
func TestFind(t *testing.T) {
	t.Chdir("../../../..")
	all, err := find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, target := range all {
		if names[target.String()] {
			t.Errorf("%s twice", target)
		}
		names[target.String()] = true
	}
	for _, want := range []string{"graph/onnx.FuzzLoad", "graph/tfjs.FuzzLoad", "infer/serve/grpc.FuzzBody", "train/data.FuzzIDX", "graph/internal/kernel/gemm.FuzzTwins"} {
		if !names[want] {
			t.Errorf("no target %s among %d", want, len(all))
		}
	}
	some, err := find(t.Context(), "onnx.FuzzLoad")
	if err != nil || len(some) != 1 || some[0].String() != "graph/onnx.FuzzLoad" {
		t.Errorf("got %v, %v, want graph/onnx.FuzzLoad", some, err)
	}
	if _, err := find(t.Context(), "FuzzNothing"); err == nil || !strings.Contains(err.Error(), "no target's name ends with \"FuzzNothing\"") {
		t.Errorf("error %v, want one for a name that no target has", err)
	}
}

// TestRecord: a record adds up the runs of a commit, comes back from its file, and begins
// anew at another commit.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fuzz", "record.json")
	all, err := readRecords(file)
	if err != nil {
		t.Fatal(err)
	}
	r := all.of("graph/onnx.FuzzLoad")
	r.Commit = strings.TrimSuffix(r.Commit, "+")
	const out = "fuzz: elapsed: 3s, execs: 99 (33/sec), new interesting: 2 (total: 7)\nfuzz: elapsed: 5s, execs: 150 (25/sec), new interesting: 4 (total: 9)\n"
	r.add([]byte(out), 5*time.Second)
	r.add([]byte(out+"    Failing input written to testdata/fuzz/FuzzLoad/77\n"), 5*time.Second)
	r.System = "a processor, 2 cores"
	if err := all.write(file); err != nil {
		t.Fatal(err)
	}
	if all, err = readRecords(file); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	all.table(&text)
	want := "| graph/onnx.FuzzLoad | 10 s | 300 | 8 | 9 | testdata/fuzz/FuzzLoad/77 | " + r.Date + " | " + r.Commit + " | a processor, 2 cores |\n"
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("got\n%s\nwant a last line\n%s", text.String(), want)
	}
	all["graph/onnx.FuzzLoad"].Commit = "another"
	if r := all.of("graph/onnx.FuzzLoad"); r.had() != 0 {
		t.Errorf("%v of another commit count", r.had())
	}
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecords(file); err == nil || !strings.HasPrefix(err.Error(), file) {
		t.Errorf("error %v of a file that was cut, want its name", err)
	}
}

// TestListed: a folder that is not there has no inputs.
func TestListed(t *testing.T) {
	dir := t.TempDir()
	if all, err := listed(filepath.Join(dir, "none")); all != nil || err != nil {
		t.Errorf("got %v, %v, want nothing", all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if all, err := listed(dir); err != nil || len(all) != 1 || all[0].size != 3 || all[0].path != filepath.Join(dir, "a") {
		t.Errorf("got %+v, %v, want a file of 3 bytes", all, err)
	}
}
