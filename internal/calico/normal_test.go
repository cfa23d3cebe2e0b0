package calico

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// spec reads a spec from JSON, as users and servers write it.
func spec(t testing.TB, document string) Spec {
	t.Helper()
	var s Spec
	if err := json.Unmarshal([]byte(document), &s); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return s
}

// published is the guard of the pattern, as IBM's pages have it.
const published = `{"order":1100,"preDNAT":true,"applyOnForward":true,"selector":"ibm.role=='worker_public'","types":["Ingress"],
	"ingress":[{"action":"Deny","protocol":"TCP","source":{},"destination":{"ports":["30000:32767"]}},
	           {"action":"Deny","protocol":"UDP","source":{},"destination":{"ports":["30000:32767"]}}]}`

func TestEqualAndDiff(t *testing.T) {
	t.Parallel()
	rule := func(fields string) string { return `{"ingress":[{"action":"Deny",` + fields + `}]}` }
	for name, test := range map[string]struct {
		have, want string
		diff       []string
	}{
		"the same":          {published, published, nil},
		"server's defaults": {`{"tier":"default","types":["Ingress"],"ingress":[]}`, `{}`, nil},
		"egress by default": {`{"types":["Egress"],"egress":[{"action":"Allow"}]}`, `{"egress":[{"action":"Allow"}]}`, nil},
		"both by default": {
			`{"types":["Egress","Ingress"],"egress":[{"action":"Allow"}],"ingress":[{"action":"Allow"}]}`,
			`{"egress":[{"action":"Allow"}],"ingress":[{"action":"Allow"}]}`, nil,
		},
		"order as a float":       {`{"order":100.0}`, `{"order":100}`, nil},
		"selector's quotes":      {`{"selector":"ibm.role in {'b','a'}"}`, `{"selector":"ibm.role in { \"a\", \"b\" }"}`, nil},
		"set of one":             {`{"selector":"x in {'a'} && y not in {'b'}"}`, `{"selector":"x=='a'&&y!='b'"}`, nil},
		"everything is selected": {`{"selector":"all()"}`, `{}`, nil},
		"addresses": {
			rule(`"source":{"nets":["10.0.0.1","2.0.0.0/8","10.1.2.3/8"]}`),
			rule(`"source":{"nets":["2.0.0.0/8","10.0.0.1/32","10.0.0.0/8","10.0.0.0/8"]}`), nil,
		},
		"IPv6 addresses":       {rule(`"source":{"nets":["2001:DB8:0::1"]}`), rule(`"source":{"nets":["2001:db8::1/128"]}`), nil},
		"ports":                {rule(`"protocol":"TCP","destination":{"ports":[80,"http","443"]}`), rule(`"protocol":"TCP","destination":{"ports":["443:443","80:80","http"]}`), nil},
		"joined ranges":        {rule(`"protocol":"TCP","destination":{"ports":["30000:31000","31001:32767",30500]}`), rule(`"protocol":"TCP","destination":{"ports":["30000:32767"]}`), nil},
		"top of the ports":     {rule(`"protocol":"TCP","destination":{"ports":["1:65535",65535]}`), rule(`"protocol":"TCP","destination":{"ports":["1:65535"]}`), nil},
		"protocol by number":   {rule(`"protocol":6,"notProtocol":112`), rule(`"protocol":"TCP","notProtocol":"112"`), nil},
		"empty matches":        {rule(`"icmp":{},"http":{},"metadata":{"annotations":{}},"source":{"serviceAccounts":{},"services":{}}`), rule(`"source":{}`), nil},
		"order":                {`{"order":1200}`, `{"order":1100}`, []string{"order 1200 instead of 1100"}},
		"order lost":           {`{}`, `{"order":0}`, []string{"order unset (evaluated last) instead of 0"}},
		"selector":             {`{"selector":"ibm.role == 'worker_private'"}`, `{"selector":"ibm.role == 'worker_public'"}`, []string{`selector ibm.role == "worker_private" instead of ibm.role == "worker_public"`}},
		"all() of a rule":      {rule(`"source":{"selector":"all()"}`), rule(`"source":{}`), []string{"ingress rule 1: source selector all() instead of none"}},
		"flags":                {`{"preDNAT":true,"doNotTrack":true}`, `{"applyOnForward":true}`, []string{"preDNAT true instead of false", "doNotTrack true instead of false", "applyOnForward false instead of true"}},
		"tier":                 {`{"tier":"t"}`, `{}`, []string{"tier t instead of default"}},
		"ports narrowed":       {rule(`"protocol":"TCP","destination":{"ports":["30000:32000"]}`), rule(`"protocol":"TCP","destination":{"ports":["30000:32767"]}`), []string{"ingress rule 1: destination ports 30000:32000 instead of 30000:32767"}},
		"rule's action":        {`{"ingress":[{"action":"Allow"}]}`, `{"ingress":[{"action":"Deny"}]}`, []string{"ingress rule 1: action Allow instead of Deny"}},
		"order of rules":       {`{"ingress":[{"action":"Allow"},{"action":"Deny"}]}`, `{"ingress":[{"action":"Deny"},{"action":"Allow"}]}`, []string{"ingress rule 1: action Allow instead of Deny", "ingress rule 2: action Deny instead of Allow"}},
		"rule missing":         {`{"ingress":[{"action":"Deny","protocol":"TCP"}]}`, `{"ingress":[{"action":"Deny","protocol":"TCP"},{"action":"Deny","protocol":"UDP"}]}`, []string{"1 ingress rules instead of 2", "ingress rule missing: Deny, protocol UDP"}},
		"rule added":           {`{"egress":[{"action":"Allow"},{"action":"Deny"}]}`, `{"egress":[{"action":"Deny"}]}`, []string{"2 egress rules instead of 1", "egress rule not wanted: Allow"}},
		"rule added twice":     {`{"ingress":[{"action":"Deny"},{"action":"Deny"}]}`, `{"ingress":[{"action":"Deny"}]}`, []string{"2 ingress rules instead of 1", "ingress rule not wanted: Deny"}},
		"excluded nets":        {rule(`"source":{"notNets":["10.0.0.0/8"]}`), rule(`"source":{}`), []string{"ingress rule 1: source excluded nets 10.0.0.0/8 instead of none"}},
		"service":              {rule(`"source":{"services":{"name":"s","namespace":"n"}}`), rule(`"source":{}`), []string{"ingress rule 1: source service n/s instead of none"}},
		"ICMP type 0 is a way": {rule(`"protocol":"ICMP","icmp":{"type":0}`), rule(`"protocol":"ICMP"`), []string{"ingress rule 1: ICMP type 0 code none instead of none"}},
		"long list": {
			rule(`"source":{"nets":["10.0.0.1","10.0.0.2","10.0.0.3","10.0.0.4","10.0.0.5","10.0.0.6","10.0.0.9"]}`),
			rule(`"source":{"nets":["10.0.0.1","10.0.0.2","10.0.0.3","10.0.0.4","10.0.0.5","10.0.0.7"]}`),
			[]string{"ingress rule 1: source nets: 10.0.0.7/32 missing, 10.0.0.6/32 10.0.0.9/32 not wanted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have, want := spec(t, test.have), spec(t, test.want)
			if got := Diff(have, want); !slices.Equal(got, test.diff) {
				t.Errorf("got  %q\nwant %q", got, test.diff)
			}
			if Equal(have, want) != (test.diff == nil) || Equal(want, have) != (test.diff == nil) {
				t.Errorf("Equal is %v", Equal(have, want))
			}
		})
	}
}

func TestNormalLeavesTheSpecAlone(t *testing.T) {
	t.Parallel()
	s := spec(t, `{"ingress":[{"action":"Deny","protocol":6,"source":{"nets":["10.0.0.9","10.0.0.1"]},"destination":{"ports":["3:4",1]}}]}`)
	before, _ := json.Marshal(s)
	_ = Diff(s, Spec{})
	if after, _ := json.Marshal(s); string(before) != string(after) {
		t.Errorf("changed to %s", after)
	}
}

// TestEveryFieldCounts sets each field of the types, one at a time, and wants it noticed: a field that a newer version
// of the types brings must not be overlooked.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	fields := 0
	var walk func(path string, typ reflect.Type, build func(reflect.Value) Spec)
	walk = func(path string, typ reflect.Type, build func(reflect.Value) Spec) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := path + f.Name
			inside := func(inner reflect.Value) Spec {
				outer := reflect.New(typ).Elem()
				outer.Field(i).Set(inner)
				return build(outer)
			}
			ft := f.Type
			switch {
			case ft == reflect.TypeFor[[]v3.Rule]():
				walk(name+".", reflect.TypeFor[v3.Rule](), func(rule reflect.Value) Spec {
					list := reflect.MakeSlice(ft, 0, 1)
					return inside(reflect.Append(list, rule))
				})
				continue
			case ft == reflect.TypeFor[v3.EntityRule]():
				walk(name+".", ft, inside)
				continue
			}
			value := sample(t, ft)
			if !value.IsValid() {
				t.Fatalf("%s: no sample of %s", name, ft)
			}
			fields++
			with, without := inside(value), inside(reflect.Zero(ft))
			if Equal(with, without) {
				t.Errorf("%s is not compared", name)
			}
			if got := Diff(with, without); len(got) == 0 || got[0] == "the policy differs" {
				t.Errorf("%s has no words: %q", name, got)
			}
		}
	}
	walk("", reflect.TypeFor[Spec](), func(v reflect.Value) Spec {
		s, _ := v.Interface().(Spec)
		return s
	})
	if fields < 40 {
		t.Errorf("only %d fields were visited", fields)
	}
}

// sample gives a value of a type that is not its zero value.
func sample(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	switch typ {
	case reflect.TypeFor[[]v3.PolicyType]():
		return reflect.ValueOf([]v3.PolicyType{v3.PolicyTypeEgress})
	case reflect.TypeFor[*numorstring.Protocol]():
		p := numorstring.ProtocolFromInt(99)
		return reflect.ValueOf(&p)
	}
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(4)
	case reflect.Uint16:
		v.SetUint(5)
	case reflect.Float64:
		v.SetFloat(6)
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(sample(t, typ.Elem()))
	case reflect.Slice:
		v.Set(reflect.Append(v, sample(t, typ.Elem())))
	case reflect.Map:
		v.Set(reflect.MakeMap(typ))
		v.SetMapIndex(sample(t, typ.Key()), sample(t, typ.Elem()))
	case reflect.Struct:
		for i := range typ.NumField() {
			v.Field(i).Set(sample(t, typ.Field(i).Type))
		}
	default:
		return reflect.Value{}
	}
	return v
}

// FuzzEqual holds the laws of Equal and Diff on any two specs.
func FuzzEqual(f *testing.F) {
	f.Add(published, `{"order":100.0,"selector":"a in {'x', \"y\"}","egress":[{"action":"Log","protocol":17,"destination":{"notPorts":[1,"2:3","n"],"nets":["1.2.3.4"]}}]}`, uint64(1))
	f.Add(`{"selector":"!has(a)||(b contains 'c')"}`, `{"selector":"'"}`, uint64(2))
	f.Add(`{"ingress":[{"action":"Deny","source":{"nets":["::ffff:1.2.3.4","fe80::1%eth0"," 10.0.0.1 "]}}]}`, `{}`, uint64(3))
	f.Fuzz(func(t *testing.T, first, second string, seed uint64) {
		var a, b Spec
		if json.Unmarshal([]byte(first), &a) != nil || json.Unmarshal([]byte(second), &b) != nil {
			return
		}
		if (len(Diff(a, b)) == 0) != Equal(a, b) || Equal(a, b) != Equal(b, a) {
			t.Errorf("Equal %v, %v, Diff %q", Equal(a, b), Equal(b, a), Diff(a, b))
		}
		once := normal(a)
		if twice := normal(once); !reflect.DeepEqual(once, twice) {
			t.Errorf("normal form of the normal form differs: %q", Diff(once, twice))
		}
		if !Equal(a, once) {
			t.Errorf("not equal to its normal form: %q", Diff(a, once))
		}
		mixed := shuffle(*a.DeepCopy(), rand.New(rand.NewPCG(seed, 0)))
		if !Equal(a, mixed) {
			t.Errorf("order of sets counts: %q", Diff(a, mixed))
		}
		encoded, err := json.Marshal(a)
		if err != nil {
			return
		}
		var back Spec
		if json.Unmarshal(encoded, &back) == nil && !Equal(a, back) {
			t.Errorf("not equal after a round trip: %q", Diff(a, back))
		}
		_ = Check("x", a)
	})
}

// shuffle reorders what has no order.
func shuffle(s Spec, r *rand.Rand) Spec {
	r.Shuffle(len(s.Types), reflect.Swapper(s.Types))
	for _, rules := range [][]v3.Rule{s.Ingress, s.Egress} {
		for i := range rules {
			for _, e := range []*v3.EntityRule{&rules[i].Source, &rules[i].Destination} {
				r.Shuffle(len(e.Nets), reflect.Swapper(e.Nets))
				r.Shuffle(len(e.NotNets), reflect.Swapper(e.NotNets))
				r.Shuffle(len(e.Ports), reflect.Swapper(e.Ports))
				r.Shuffle(len(e.NotPorts), reflect.Swapper(e.NotPorts))
			}
		}
	}
	return s
}

func TestLongRulesStayReadable(t *testing.T) {
	t.Parallel()
	var nets []string
	for i := range 1000 {
		nets = append(nets, fmt.Sprintf("10.%d.%d.0/24", i/250, i%250))
	}
	have := Spec{}
	want := Spec{Ingress: []v3.Rule{{Action: v3.Deny, Source: v3.EntityRule{NotNets: nets}}}}
	for _, sentence := range Diff(have, want) {
		if len(sentence) > 400 {
			t.Errorf("%d characters: %s", len(sentence), sentence)
		}
	}
	have = *want.DeepCopy()
	have.Ingress[0].Source.NotNets = nil
	for _, sentence := range Diff(have, want) {
		if len(sentence) > 400 || !strings.Contains(sentence, "and 995 more") {
			t.Error(sentence)
		}
	}
}
