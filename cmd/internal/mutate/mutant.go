package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is a small change of one place in a file: text in place of the bytes from
// Start to End.
type mutant struct {
	Package    string
	File       string // its base name
	Line       int
	Start, End int
	Was, Text  string
}

// String names the place and the change.
func (m mutant) String() string {
	return fmt.Sprintf("%s/%s:%d: %s → %s", m.Package, m.File, m.Line, oneLine(m.Was), cmp.Or(oneLine(m.Text), "nothing"))
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// apply returns the file's text with the change.
func (m mutant) apply(text []byte) []byte {
	return slices.Concat(text[:m.Start], []byte(m.Text), text[m.End:])
}

// swaps are the operators that take each other's place. Comparisons move by one at
// their border.
var swaps = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND, token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
	token.INC: token.DEC, token.DEC: token.INC, token.BREAK: token.CONTINUE, token.CONTINUE: token.BREAK,
}

// mutantsOf returns all mutants of a file, in its order. A generated file has none.
func mutantsOf(pkg goPackage, name string) ([]mutant, error) {
	text, err := os.ReadFile(filepath.Join(pkg.Dir, name))
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	var all []mutant
	add := func(from, to token.Pos, with string) {
		start, end := files.Position(from).Offset, files.Position(to).Offset
		all = append(all, mutant{Package: pkg.ImportPath, File: name, Line: files.Position(from).Line, Start: start, End: end, Was: string(text[start:end]), Text: with})
	}
	operator := func(at token.Pos, was token.Token) {
		if with, ok := swaps[was]; ok {
			add(at, at+token.Pos(len(was.String())), with.String())
		}
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl) // of what is outside of functions a test sees little
		if !ok || f.Body == nil {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				operator(n.OpPos, n.Op)
			case *ast.AssignStmt:
				operator(n.TokPos, n.Tok)
				if n.Tok != token.DEFINE {
					add(n.Pos(), n.End(), "")
				}
			case *ast.IncDecStmt:
				operator(n.TokPos, n.Tok)
			case *ast.BranchStmt:
				if n.Label == nil {
					operator(n.TokPos, n.Tok)
				}
			case *ast.UnaryExpr:
				if n.Op == token.SUB || n.Op == token.NOT {
					add(n.OpPos, n.OpPos+1, "")
				}
			case *ast.IfStmt:
				cond := text[files.Position(n.Cond.Pos()).Offset:files.Position(n.Cond.End()).Offset]
				add(n.Cond.Pos(), n.Cond.End(), "!("+string(bytes.TrimSpace(cond))+")")
			case *ast.ExprStmt:
				add(n.Pos(), n.End(), "")
			case *ast.BasicLit:
				if i, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
					add(n.Pos(), n.End(), strconv.FormatInt(i+1, 10))
				}
			}
			return true
		})
	}
	return all, nil
}

// draw returns the mutants of packages in an order that depends on the seed alone.
func draw(packages []goPackage, seed uint64) ([]mutant, error) {
	var all []mutant
	for _, p := range packages {
		for _, name := range p.GoFiles {
			some, err := mutantsOf(p, name)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}
