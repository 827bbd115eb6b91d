package data

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listedAlbum is the album with a table of some name and content.
func listedAlbum(t *testing.T, table, content string) string {
	t.Helper()
	files := album(t)
	files[table] = []byte(content)
	return filepath.Join(writeTree(t, "album", files), filepath.FromSlash(table))
}

// TestTable: the same dataset from every form of table, with the labels that it says, not
// the folders'.
func TestTable(t *testing.T) {
	rows := func(form, last string) string {
		s := ""
		for i := range 20 {
			class := []string{"even", "odd"}[i%2]
			if i%5 == 0 {
				class = "fifth"
			}
			part := "train"
			switch {
			case i >= 16:
				part = "test"
			case i >= 14:
				part = "val"
			}
			s += strings.NewReplacer("FILE", fmt.Sprintf("%c/%02d.png", 'a'+i%2, i), "CLASS", class, "PART", part).Replace(form) + last
		}
		return s
	}
	plain := rows("FILE,CLASS", "\n")
	for _, tt := range []struct {
		name, table, content    string
		train, validation, test int
	}{
		{"csv", "some.csv", plain, 15, 0, 5},
		{"csv with a header", "some.csv", "\ufefffile,label\n" + plain, 15, 0, 5},
		{"columns in another order", "some.csv", "width,Label,Split,FileName\r\n" + rows("9,CLASS,PART,FILE", "\r\n"), 14, 2, 4},
		{"tabs", "some.tsv", rows("FILE\tCLASS", "\n"), 15, 0, 5},
		{"json lines", "some.jsonl", rows(`{"file_name": "FILE", "label": "CLASS", "split": "PART", "box": [1, 2]}`, "\n\n"), 14, 2, 4},
		{"in its folder", "metadata.jsonl", rows(`{"file_name": "FILE", "label": "CLASS"}`, "\n"), 15, 0, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := listedAlbum(t, tt.table, tt.content)
			name := "some"
			if tt.table == "metadata.jsonl" {
				path, name = filepath.Dir(path), "album"
			}
			d, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if d, err = Inspect(t.Context(), d, Inspection{}); err != nil {
				t.Fatal(err)
			}
			validation := 0
			if d.Validation != nil {
				validation = d.Validation.Len()
			}
			if d.Name != name || !slices.Equal(d.Classes, []string{"even", "fifth", "odd"}) || d.Train.Len() != tt.train || validation != tt.validation || d.Test.Len() != tt.test {
				t.Errorf("%q with %q: %d, %d and %d pictures, want %d, %d and %d", d.Name, d.Classes, d.Train.Len(), validation, d.Test.Len(), tt.train, tt.validation, tt.test)
			}
			for _, part := range []Samples{d.Train, d.Test} {
				for i := range part.Len() {
					class, err := part.Read(i, make([]float32, volumeOf(d.Shape)))
					number := strings.TrimSuffix(filepath.Base(Name(part, i)), ".png")
					want := map[bool]string{true: "fifth", false: []string{"even", "odd"}[(number[1]-'0')%2]}[number[1] == '0' || number[1] == '5']
					if err != nil || d.Classes[class] != want {
						t.Errorf("%s is %q, %v, want %q", Name(part, i), d.Classes[class], err, want)
					}
				}
			}
		})
	}
}

func TestTableNumbers(t *testing.T) {
	content := ""
	for i := range 20 {
		content += fmt.Sprintf("{\"path\": \"%c/%02d.png\", \"label\": %d}\n", 'a'+i%2, i, i%10+5)
	}
	d, err := Open(listedAlbum(t, "n.ndjson", content))
	if err != nil || !slices.Equal(d.Classes, []string{"5", "6", "7", "8", "9", "10", "11", "12", "13", "14"}) {
		t.Errorf("classes %q, %v, want the numbers by value", d.Classes, err)
	}
}

func TestTableErrors(t *testing.T) {
	for _, tt := range []struct{ name, table, content, want string }{
		{"empty", "t.csv", "", "t.csv: no pictures, want a line for each"},
		{"one column", "t.csv", "a/00.png\n", "line 1: 1 columns, want a file and a label"},
		{"no label", "t.csv", "a/00.png,\n", "line 1: no file or no label, want both"},
		{"outside", "t.csv", "a/00.png,x\n../secret.png,y\n", `line 2: file "../secret.png" is not below the table's folder`},
		{"absolute", "t.csv", "/etc/passwd,x\n", `file "/etc/passwd" is not below`},
		{"odd split", "t.csv", "file,label,split\na/00.png,x,later\n", `line 2: split "later", want train, val or test`},
		{"only a test part", "t.csv", "file,label,split\na/00.png,x,test\n", "no pictures for training"},
		{"unknown class", "t.csv", "file,label,split\na/00.png,x,train\na/02.png,y,test\n", `line 3: no class "y" among the 1 of the training pictures`},
		{"broken quotes", "t.csv", "\"a/00.png,x\n", "parse error on line 1"},
		{"broken JSON", "t.jsonl", "{\"file\": \"a/00.png\", \"label\": 1}\n{", "line 2: unexpected EOF"},
		{"a list of labels", "t.jsonl", `{"file": "a/00.png", "label": [{}]}`, "line 1: label is no text and no number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(listedAlbum(t, tt.table, tt.content))
			wantError(t, err, "data: ", tt.want)
		})
	}
	d, err := Open(listedAlbum(t, "t.csv", "a/00.png,x\na/gone.png,x\na/02.png,x\nb/01.png,y\nb/03.png,y\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), d, Inspection{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "a/gone.png: ") {
		t.Errorf("error %v, want that of a file that is not there", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no such file", err)
	}
}

// FuzzTable holds that any table gives rows or an error of one line.
func FuzzTable(f *testing.F) {
	f.Add([]byte("file,label\na/1.png,x\n"), ".csv")
	f.Add([]byte("{\"file\": \"a\", \"label\": 3}\n"), ".jsonl")
	f.Add([]byte("\ufefflabel\tpath\n\"\n"), ".tsv")
	f.Fuzz(func(t *testing.T, content []byte, ending string) {
		rows, err := readRows(strings.NewReader(string(content)), ending)
		if err != nil {
			wantError(t, err, "", "")
			return
		}
		for _, r := range rows {
			if r.line < 1 {
				t.Fatalf("row %+v without a line", r)
			}
		}
	})
}
