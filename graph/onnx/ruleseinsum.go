package onnx

import (
	"slices"
	"strings"

	"tapenet/graph/op"
)

// arrangeEinsum is a sum of products of operands: each loses the letters that are in it
// alone, by a sum, and what it has twice, which is a diagonal; the rest are products of
// matrices, of two operands after each other.
func arrangeEinsum(b *builder, _ *value) *value {
	terms, out, ok := b.equation()
	if !ok {
		return nil
	}
	all := make([]*value, len(terms))
	for i := range all {
		others := out
		for k, term := range terms {
			if k != i {
				others += term
			}
		}
		if all[i], terms[i] = b.reduced(b.held(b.value(i)), terms[i], others); all[i] == nil {
			return nil
		}
	}
	x, letters := all[0], terms[0]
	for i := 1; i < len(all); i++ {
		later := out + strings.Join(terms[i+1:], "")
		to := kept(letters+without(terms[i], letters), later)
		if i == len(all)-1 {
			to = out
		}
		if x = b.contracted(x, all[i], letters, terms[i], to); x == nil {
			return nil
		}
		letters = to
	}
	var perm []int
	for i := range len(out) {
		perm = append(perm, strings.IndexByte(letters, out[i]))
	}
	return b.viewed(x, x.view.permuted(perm))
}

// equation is Einsum's: the letters of each operand, and of the result. Dimensions that
// dots stand for have letters too, which no equation has: counted from the last.
func (b *builder) equation() (terms []string, out string, ok bool) {
	text := strings.ReplaceAll(b.attrText("equation"), " ", "")
	in, out, told := strings.Cut(text, "->")
	terms = strings.Split(in, ",")
	if len(terms) != len(b.now.Inputs) {
		b.fail("equation %.64q of %d operands, want one that names the dimensions of each", text, len(b.now.Inputs))
		return nil, "", false
	}
	most := 0
	for i, term := range terms {
		x := b.value(i)
		dots := 0
		if strings.Contains(term, "...") && x != nil {
			dots = len(x.shape()) - len(term) + len("...")
		}
		if x == nil || dots < 0 || dots > maxDims || len(term) > 64 {
			b.fail("equation %.64q, want one that names the dimensions of each operand", text)
			return nil, "", false
		}
		most = max(most, dots)
		if terms[i] = strings.Replace(term, "...", dotted(dots), 1); len(terms[i]) != len(x.shape()) || !lettersOnly(terms[i]) {
			b.fail("equation %.64q, want one that names the dimensions of each operand, %v of operand %d", text, x.shape(), i)
			return nil, "", false
		}
	}
	if out = strings.Replace(out, "...", dotted(most), 1); !told {
		out = implied(terms, most)
	}
	if repeats(out) || !lettersOnly(out) || without(out, strings.Join(terms, "")) != "" {
		b.fail("equation %.64q, want each letter of the result once, and in an operand", text)
		return nil, "", false
	}
	return terms, out, true
}

// dotted are letters for so many dimensions.
func dotted(n int) string {
	var letters []byte
	for i := n; i > 0; i-- {
		letters = append(letters, byte(i))
	}
	return string(letters)
}

// lettersOnly reports whether a term has letters, and those of dotted, alone.
func lettersOnly(term string) bool {
	for i := range len(term) {
		if c := term[i]; c > maxDims && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// implied is the result of an equation that does not tell it: the dotted dimensions,
// and the letters that are there once, in order.
func implied(terms []string, dots int) string {
	all, out := strings.Join(terms, ""), []byte{}
	for i := range len(all) {
		if all[i] > maxDims && strings.Count(all, all[i:i+1]) == 1 {
			out = append(out, all[i])
		}
	}
	slices.Sort(out)
	return dotted(dots) + string(out)
}

// kept are the letters that are among others, each once; without are those that are not.
func kept(letters, others string) string { return pick(letters, others, true) }

func without(letters, others string) string { return pick(letters, others, false) }

func pick(letters, others string, in bool) string {
	var out []byte
	for i := range len(letters) {
		if c := letters[i]; strings.IndexByte(others, c) >= 0 == in && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return string(out)
}

// diagonal takes the positions of an operand at which dimensions of one letter are
// equal.
func (b *builder) diagonal(x *value, term string) (*value, string) {
	if x == nil || !repeats(term) {
		return x, term
	}
	if x = b.ordered(x); x == nil {
		return nil, ""
	}
	v, letters := view{from: x.view.from}, ""
	for i := range len(term) {
		d, at := joined(x.view.dims[i]), strings.IndexByte(letters, term[i])
		switch {
		case at < 0:
			letters, v.dims = letters+term[i:i+1], append(v.dims, d)
		case sizeOf(d) != sizeOf(v.dims[at]) || len(d) > 1:
			b.fail("a diagonal of %v, want equal dimensions", x.shape())
			return nil, ""
		case len(d) == 1:
			v.dims[at] = []run{{d[0].size, d[0].step + v.dims[at][0].step}}
		}
	}
	return b.viewed(x, v), letters
}

// reduced is an operand's diagonal, summed over the letters that others do not have.
func (b *builder) reduced(x *value, term, others string) (*value, string) {
	x, term = b.diagonal(x, term)
	var axes []int
	for i := range len(term) {
		if strings.IndexByte(others, term[i]) < 0 {
			axes = append(axes, i)
		}
	}
	if x == nil || axes == nil {
		return x, term
	}
	y := b.rowsOf(b.node(x), axes)
	if y == nil {
		return nil, ""
	}
	return b.shaped(valueOf(b.do(op.Across(y, 2, total))), reducedShape(x.shape(), axes, false)), kept(term, others)
}

// contracted is a sum of products of two operands. No letter is twice in one, and none
// that is summed is in one alone.
func (b *builder) contracted(x, y *value, first, second, out string) *value {
	var outer, rows, cols string
	for _, c := range out {
		switch l := string(c); {
		case strings.Contains(first, l) && strings.Contains(second, l):
			outer += l
		case strings.Contains(first, l):
			rows += l
		default:
			cols += l
		}
	}
	sums := without(first, out)
	p := b.lettered(x, first, outer, rows, sums)
	q := b.lettered(y, second, outer, sums, cols)
	if p == nil || q == nil {
		return nil
	}
	z := b.pairs(p, q)
	if z == nil {
		return nil
	}
	return b.unlettered(z, x, y, first, second, outer+rows+cols, out)
}

func repeats(letters string) bool {
	for i, c := range letters {
		if strings.ContainsRune(letters[i+1:], c) {
			return true
		}
	}
	return false
}

// lettered arranges an operand as batches of matrices: it has a dimension for each
// outer letter, then one for all letters of the rows together, and one for all of the
// columns.
func (b *builder) lettered(x *value, letters, outer, rows, cols string) *value {
	var perm, shape []int
	m, n := 1, 1
	for _, c := range outer + rows + cols {
		a := strings.IndexRune(letters, c)
		perm = append(perm, a)
		switch d := x.shape()[a]; {
		case strings.ContainsRune(outer, c):
			shape = append(shape, d)
		case strings.ContainsRune(rows, c):
			m *= d
		default:
			n *= d
		}
	}
	return b.shaped(b.viewed(x, x.view.permuted(perm)), append(shape, m, n))
}

// unlettered gives the product z the dimensions of the result.
func (b *builder) unlettered(z, x, y *value, first, second, letters, out string) *value {
	var shape, perm []int
	for _, c := range letters {
		d := 1 // one of both may repeat
		for i, letters := range []string{first, second} {
			if a := strings.IndexRune(letters, c); a >= 0 {
				d = max(d, []*value{x, y}[i].shape()[a])
			}
		}
		shape = append(shape, d)
	}
	for _, c := range out {
		perm = append(perm, strings.IndexRune(letters, c))
	}
	if z = b.shaped(z, shape); z == nil {
		return nil
	}
	return b.viewed(z, z.view.permuted(perm))
}
