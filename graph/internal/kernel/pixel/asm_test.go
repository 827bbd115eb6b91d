package pixel

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAVX2Registers: no function for AVX2 uses what only AVX-512 has. The generator
// takes the upper sixteen vector registers too when it runs out of the lower ones.
func TestAVX2Registers(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("got files %v, %v, want some", files, err)
	}
	begin := regexp.MustCompile(`^TEXT ·(\w+)`)
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		function, checked := "", 0
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if m := begin.FindStringSubmatch(lines.Text()); m != nil {
				if function = m[1]; strings.Contains(function, "AVX2") {
					checked++
				}
			}
			if strings.Contains(function, "AVX2") && beyond.MatchString(lines.Text()) {
				t.Errorf("%s: %s has %q, want registers of AVX2", name, function, lines.Text())
			}
		}
		if checked == 0 {
			t.Errorf("%s: got no function for AVX2", name)
		}
	}
}
