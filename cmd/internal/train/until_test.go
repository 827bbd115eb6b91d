package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapenet/train"
)

// TestUntil: a run that pauses and goes on comes to the same model and config.toml as one
// in a piece, and has no report before its end.
func TestUntil(t *testing.T) {
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	args := quick(t, "-epochs", "3", "-schedule", "cosine", "-val", "0.2", "-patience", "3", "-report=false")
	trained(t, append(args, "-out", whole)...)
	args = append(args, "-out", parts)
	out := trained(t, append(args, "-until", "1")...)
	if want := "paused after epoch 1 of 3; the same command with -resume, and without -until, goes on to the end\n"; !strings.Contains(out, want) || strings.Contains(out, "test loss") {
		t.Errorf("printed %q, want %q in it and no test", out, want)
	}
	trained(t, append(args, "-until", "2", "-resume")...)
	if out := trained(t, append(args, "-until", "3", "-resume")...); strings.Contains(out, "paused") || !strings.Contains(out, "test loss") {
		t.Errorf("printed %q, want the end", out)
	}
	for _, name := range []string{train.ModelFile, train.BestFile} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		b, err2 := os.ReadFile(filepath.Join(parts, name))
		if err != nil || err2 != nil || string(a) != string(b) {
			t.Errorf("%s differs from that of a run in a piece (%v, %v)", name, err, err2)
		}
	}
	config, err := os.ReadFile(filepath.Join(parts, configFile))
	if err != nil || !strings.HasPrefix(string(config), repeats) {
		t.Errorf("error %v, %s %q, want one that repeats the run", err, configFile, config)
	}
}

// TestSettings: -settings prints a file that -config reads, and makes no folder.
func TestSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out := trained(t, "-settings", "-model", "lenet5", "-lr", "0.25", "-out", dir)
	for _, want := range []string{repeats, "model = \"lenet5\"\n", "lr = 0.25\n", "schedule = \"onecycle\"\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %q", want, out)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is there")
	}
	file := filepath.Join(t.TempDir(), "x.toml")
	if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := trained(t, "-settings", "-config", file); again != out {
		t.Errorf("read again %q, want %q", again, out)
	}
	_, _, err := trains(t, "-settings", "-optimizer", "best")
	if err == nil || !strings.Contains(err.Error(), "best") {
		t.Errorf("error %v, want that there is no such optimizer", err)
	}
}
