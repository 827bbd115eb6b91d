package onnx

import (
	"fmt"
	"strings"
	"testing"
)

// branchOf is a branch of nodes with one output, the last node's.
func branchOf(t *testing.T, name, nodes string, weights ...tensorProto) attributeProto {
	t.Helper()
	g := &graphProto{Name: name, Nodes: sketchedNodes(t, nodes), Initializers: weights}
	g.Outputs = []valueProto{{Name: g.Nodes[len(g.Nodes)-1].Outputs[0], Type: &typeProto{Tensor: &tensorTypeProto{Elem: typeFloat}}}}
	return attributeProto{Name: name, Type: attrGraph, Graph: g}
}

// TestIf: a constant condition chooses a branch, which takes values from outside and
// has weights and branches of its own.
func TestIf(t *testing.T) {
	w := tensorProto{Name: "w", Type: typeFloat, Dims: []int64{1}, Floats: []float32{1.5}}
	var jobs []job
	for _, rows := range []int{3, 4} { // the condition is that the samples have three numbers
		s := sketch{nodes: "h=Relu(x) s=Shape(x) n=Gather(s,one) c=Equal(n,three) k=Squeeze(c) y=If(k) z=Add(y,h)", input: []int{0, rows},
			weights: map[string]tensorProto{"one": whole(1), "three": whole(3), "no": {Type: typeBool, Int32s: []int64{0}}}}
		p := s.proto(t)
		inner := nodeProto{Op: "If", Name: "inner", Inputs: []string{"no"}, Outputs: []string{"q"}, Attributes: []attributeProto{
			branchOf(t, "then_branch", "i=Exp(h)"), branchOf(t, "else_branch", "i=Mul(h,w)"),
		}}
		then := branchOf(t, "then_branch", "p=Neg(h) a=Add(p,q)", w)
		then.Graph.Nodes = []nodeProto{then.Graph.Nodes[0], inner, then.Graph.Nodes[1]}
		for i := range p.Graph.Nodes {
			if n := &p.Graph.Nodes[i]; n.Op == "If" {
				n.Attributes = []attributeProto{then, branchOf(t, "else_branch", "p=Sin(h)")}
			}
		}
		p.Graph.Outputs[0].Type = &typeProto{Tensor: &tensorTypeProto{Elem: typeFloat}}
		x := noise(2 * rows)
		m := load(t, marshal(p))
		y, _ := computed(t, m, []int{2, rows}, x)
		jobs = append(jobs, newJob(t, fmt.Sprint(rows), marshal(p), []int{2, rows}, x, y))
		file, err := exportedAgain(t, m, Options{}, 2, rows)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, newJob(t, fmt.Sprint(rows, " exported"), file, []int{2, rows}, x, y))
	}
	runtimeAgrees(t, jobs)
}

// calling is a file whose function Twice calls Scaled two times.
func calling(t *testing.T) *modelProto {
	t.Helper()
	p := sketch{nodes: "h=Scaled[alpha:3.0](x) y=Twice(h)", input: []int{0, 3}}.proto(t)
	for i := range p.Graph.Nodes {
		p.Graph.Nodes[i].Domain = "mine"
	}
	own := []opsetProto{{Version: 17}, {Domain: "mine", Version: 1}}
	ref := nodeProto{Op: "LeakyRelu", Name: "leaky", Inputs: []string{"in"}, Outputs: []string{"mid"}, Attributes: []attributeProto{{Name: "alpha", Ref: "alpha", Type: attrFloat}}}
	p.Functions = []functionProto{
		{Name: "Scaled", Domain: "mine", Inputs: []string{"in"}, Outputs: []string{"out"}, Opsets: own, Defaults: []attributeProto{attributeFloat("alpha", 0.5)},
			Nodes: append([]nodeProto{ref}, sketchedNodes(t, "out=Add(mid,in)")...)},
		{Name: "Twice", Domain: "mine", Inputs: []string{"in"}, Outputs: []string{"out"}, Opsets: own, Nodes: sketchedNodes(t, "mid=Scaled(in) out=Scaled(mid)")},
	}
	for i := range p.Functions[1].Nodes {
		p.Functions[1].Nodes[i].Domain = "mine"
	}
	p.Opsets = own
	p.Graph.Outputs[0] = describeValue("y", []int{3})
	return p
}

// TestFunctions: nodes of a function stand in the place of its call, with the call's
// attributes or the function's.
func TestFunctions(t *testing.T) {
	file, x := marshal(calling(t)), []float32{-1, 2, -3, 4, -5, 6}
	y, _ := computed(t, load(t, file), []int{2, 3}, x)
	runtimeAgrees(t, []job{newJob(t, "functions", file, []int{2, 3}, x, y)})
}

// TestFunctionErrors: functions that call themselves, or ever more others, are refused
// before they have cost anything.
func TestFunctionErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *modelProto)
		want   string
	}{
		{"itself", func(p *modelProto) { p.Functions[1].Nodes[0].Op = "Twice" }, "functions call each other more than 16 deep"},
		{"more and more", func(p *modelProto) {
			p.Functions = p.Functions[1:]
			for i := range 16 {
				f := functionProto{Name: fmt.Sprint("F", i), Domain: "mine", Inputs: []string{"in"}, Outputs: []string{"out"}}
				for k := range 4 {
					f.Nodes = append(f.Nodes, nodeProto{Op: fmt.Sprint("F", i+1), Domain: "mine", Inputs: []string{"in"}, Outputs: []string{fmt.Sprint("o", k)}})
				}
				p.Functions = append(p.Functions, f)
			}
			p.Graph.Nodes[1].Op = "F0"
		}, "functions of more than 65536 nodes in all"},
		{"inputs", func(p *modelProto) { p.Graph.Nodes[1].Inputs = []string{"h", "h"} }, `2 inputs and 1 outputs, want at most the 1 and 1 of the function "Twice"`},
		{"version", func(p *modelProto) { p.Functions[1].Opsets[0].Version = 12 }, `operators of version 12, want those of the file, 17`},
	} {
		p := calling(t)
		p.Functions[1].Opsets = append([]opsetProto{}, p.Functions[1].Opsets...)
		tt.change(p)
		if m, err := Load(marshal(p)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v and error %v, want %s", tt.name, m, err, tt.want)
		}
	}
}

// TestIfErrors: errors name the node of the branch.
func TestIfErrors(t *testing.T) {
	for _, tt := range []struct{ name, condition, nodes, want string }{
		{"computed", "m=ReduceMax[keepdims:0](x) k=Cast[to:9](m)", "p=Sin(x)", `node "y" (If): a condition that is computed, want one constant`},
		{"operator", "k=Identity(yes)", "p=StringSplit(x)", `node "p" (StringSplit): the operator is not supported`},
		{"value", "k=Identity(yes)", "p=Add(x,k2) k2=Sin(x)", `no value "k2" yet`},
		{"twice", "k=Identity(yes)", "k=Sin(x)", `is there already`},
		{"inputs", "k=Identity(yes)", "p=Add(x)", `node "p" (Add): 1 inputs and 1 outputs, want at least 2 and 1`},
	} {
		s := sketch{nodes: tt.condition + " y=If(k)", input: []int{0, 3}, weights: map[string]tensorProto{"yes": {Type: typeBool, Int32s: []int64{1}}}}
		p := s.proto(t)
		for i := range p.Graph.Nodes {
			if n := &p.Graph.Nodes[i]; n.Op == "If" {
				n.Attributes = []attributeProto{branchOf(t, "then_branch", tt.nodes), branchOf(t, "else_branch", "p=Sin(x)")}
			}
		}
		m, err := Load(marshal(p))
		if err == nil {
			_, err = exportedErr(m)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

// exportedErr exports a model of three inputs that is not to be built.
func exportedErr(m *Model) ([]byte, error) { return Options{}.Export(m, nil, 3) }
