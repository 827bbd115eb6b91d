package main

import (
	"fmt"
	"go/types"
	"strings"
)

// proxy declares a compiled type with an interface's methods, each of which
// calls a function of the interpreter: so a type that is declared in a cell
// implements the interface. It reports whether that can be done.
//
//	type proxy_sort_Interface struct {
//		Object any
//		Len_   func(any) int
//		…
//	}
//	func (p *proxy_sort_Interface) Len() int { return p.Len_(p.Object) }
func (f *file) proxy(name string, i *types.Interface) bool {
	if !i.IsMethodSet() || i.NumMethods() == 0 {
		return false
	}
	for m := range i.Methods() {
		if !m.Exported() || m.Name() == "Object" || hidden(m.Signature()) {
			return false
		}
	}
	proxy := proxyName(f.pkg, name)
	fmt.Fprintf(&f.proxies, "\ntype %s struct {\nObject any\n", proxy)
	for m := range i.Methods() {
		in, _ := f.params(m.Signature())
		fmt.Fprintf(&f.proxies, "%s_ func(%s) %s\n", m.Name(), join("any", in), f.results(m.Signature()))
	}
	fmt.Fprintf(&f.proxies, "}\n")
	for m := range i.Methods() {
		in, args := f.params(m.Signature())
		call := "return"
		if m.Signature().Results().Len() == 0 {
			call = ""
		}
		fmt.Fprintf(&f.proxies, "\nfunc (p *%s) %s(%s) %s {\n", proxy, m.Name(), named(in), f.results(m.Signature()))
		fmt.Fprintf(&f.proxies, "%s p.%s_(%s)\n}\n", call, m.Name(), join("p.Object", args))
	}
	return true
}

// params are the types of a method's parameters, and what passes them on.
func (f *file) params(s *types.Signature) (in, args []string) {
	for i := range s.Params().Len() {
		t := types.TypeString(s.Params().At(i).Type(), f.name)
		arg := fmt.Sprintf("a%d", i)
		if s.Variadic() && i == s.Params().Len()-1 {
			t = "..." + strings.TrimPrefix(t, "[]")
			arg += "..."
		}
		in, args = append(in, t), append(args, arg)
	}
	return in, args
}

func (f *file) results(s *types.Signature) string {
	var out []string
	for v := range s.Results().Variables() {
		out = append(out, types.TypeString(v.Type(), f.name))
	}
	return "(" + strings.Join(out, ", ") + ")"
}

func join(first string, rest []string) string {
	return strings.Join(append([]string{first}, rest...), ", ")
}

// named gives parameters of the given types the names a0, a1 and so on.
func named(in []string) string {
	var b strings.Builder
	for i, t := range in {
		fmt.Fprintf(&b, "a%d %s, ", i, t)
	}
	return b.String()
}

// hidden reports whether a signature mentions a type that another package
// cannot name.
func hidden(s *types.Signature) bool {
	found := false
	types.TypeString(s, func(p *types.Package) string {
		found = found || strings.Contains("/"+p.Path()+"/", "/internal/")
		return ""
	})
	var look func(t types.Type)
	look = func(t types.Type) {
		switch t := t.(type) {
		case *types.Named:
			found = found || t.Obj().Pkg() != nil && !t.Obj().Exported()
		case interface{ Elem() types.Type }:
			look(t.Elem())
		}
	}
	for _, vars := range []*types.Tuple{s.Params(), s.Results()} {
		for v := range vars.Variables() {
			look(v.Type())
		}
	}
	return found
}
