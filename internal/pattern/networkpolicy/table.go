package networkpolicy

import (
	"fmt"
	"slices"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// Subject is what a policy is applied to, and what becomes of connections then:
// a part of the documentation's table. What is said here is proven from these
// rows by packets.
type Subject struct {
	// Name says it in words.
	Name string
	// Arguments of the resource, besides cluster, name, order and rules.
	Arguments []string
	// Untracked says that the policy is applied before connection tracking: nothing
	// knows an answer there, so each rule has one for the answers, of the same
	// action, in the other direction. Connections are not known either.
	Untracked bool
	// Actions that are told of, the one that is shown first at the front: Deny.
	Actions []v3.Action
	Effects []Effect
}

// Effect is a row: what becomes of new connections of one kind. A policy has
// one rule for each of its directions and protocols, with all their ports.
type Effect struct {
	Direction v3.PolicyType
	// Protocol is TCP, UDP or ICMP, and Port what the rule names as destination;
	// 0 where the protocol has none.
	Protocol string
	Port     uint16
	// Unmatched are connections that no rule is about.
	Unmatched bool
	// From and To are parties: those who connect, and where to.
	From, To string
	// Dialled is the port that they dial, where that is another one.
	Dialled uint16
	// Open says whether they are without the policy, and OpenWith with rules of
	// these actions, and with these alone.
	Open     bool
	OpenWith []v3.Action
	// Unserved are those that are closed with Allow because they reach the worker
	// itself, which says that nothing is there.
	Unserved bool
	// Why it is so, where the rule does not say it.
	Why string
}

// Before tells whether there can be connections of the kind before the policy,
// and whether they go on when its rules deny.
func (s Subject) Before(e Effect) (some, goOn bool) {
	return e.Open && e.Protocol != "ICMP", !s.Untracked || e.OpenUnder(v3.Deny)
}

// Parties of the table.
const (
	aWorker          = "a worker"
	aPod             = "a pod"
	aServer          = "another server of the account"
	aClient          = "a client on the internet"
	theInternet      = "a server on the internet"
	everyWorker      = "every worker, public address"
	aPublicBalancer  = "a public load balancer"
	aPrivateBalancer = "a private load balancer"
	publicALBs       = "the public ALBs"
)

// Reasons that several rows have.
const (
	isFailsafe  = "a failsafe port"
	isForwarded = "forwarded, which the policy does not hold for"
	byIBMs      = "IBM's policies decide"
)

// Table is what policies do to new connections, by what they are applied to.
func Table() []Subject {
	public := "selector = \"ibm.role == 'worker_public'\""
	return []Subject{
		{
			Name: "the workers' public interface", Arguments: []string{public},
			Actions: []v3.Action{v3.Deny, v3.Allow, v3.Log}, Effects: publicInterface(),
		},
		{
			Name:      "the workers' public interface and what it forwards",
			Arguments: []string{public, `apply_on_forward = true`, `acknowledge = ["` + endOfTierDrop + `"]`},
			Actions:   []v3.Action{v3.Deny, v3.Allow, v3.Log}, Effects: whatIsForwarded(),
		},
		{
			Name:      "the workers' public interface before DNAT",
			Arguments: []string{public, `apply_on_forward = true`, `pre_dnat = true`, `acknowledge = ["` + finalAllow + `"]`},
			Actions:   []v3.Action{v3.Deny, v3.Allow, v3.Pass, v3.Log}, Effects: beforeDNAT(),
		},
		{
			Name:      "the workers' public interface before connection tracking",
			Arguments: []string{public, `apply_on_forward = true`, `do_not_track = true`},
			Untracked: true,
			Actions:   []v3.Action{v3.Deny, v3.Allow, v3.Pass, v3.Log}, Effects: beforeTracking(),
		},
		{
			Name: "pods of a namespace", Arguments: []string{`namespace = "default"`, `selector = "app == 'app'"`},
			Actions: []v3.Action{v3.Deny, v3.Allow, v3.Log}, Effects: podsOfANamespace(),
		},
	}
}

// in are connections that a rule is about, and out those to the internet.
func in(protocol string, port uint16, from, to string) Effect {
	return Effect{Direction: v3.PolicyTypeIngress, Protocol: protocol, Port: port, From: from, To: to}
}

func out(protocol string, port uint16, from string) Effect {
	return Effect{Direction: v3.PolicyTypeEgress, Protocol: protocol, Port: port, From: from, To: theInternet}
}

func (e Effect) dialling(port uint16) Effect {
	e.Dialled = port
	return e
}

func (e Effect) because(why string) Effect {
	e.Why = why
	return e
}

// otherwise says that no rule is about it.
func (e Effect) otherwise() Effect {
	e.Unmatched = true
	return e
}

// opened and closed are what it is without the policy, and with which actions it is open.
func (e Effect) opened(with ...v3.Action) Effect {
	e.Open, e.OpenWith = true, with
	return e
}

func (e Effect) closed(with ...v3.Action) Effect {
	e.OpenWith = with
	return e
}

// unserved says that what is allowed reaches the worker itself, where nothing serves it.
func (e Effect) unserved() Effect {
	e.Unserved = true
	return e
}

// anyway are all actions: the policy makes no difference.
var anyway = []v3.Action{v3.Allow, v3.Deny, v3.Pass, v3.Log}

func publicInterface() []Effect {
	return []Effect{
		in("TCP", 9100, aClient, everyWorker).closed(v3.Allow),
		in("UDP", 9100, aClient, everyWorker).closed(v3.Allow),
		in("ICMP", 0, aClient, everyWorker).opened(v3.Allow, v3.Log),
		in("TCP", 22, aClient, everyWorker).opened(anyway...).because(isFailsafe),
		in("TCP", 8080, aClient, everyWorker).dialling(31080).opened(anyway...).because(isForwarded),
		in("UDP", 8080, aClient, everyWorker).dialling(31080).opened(anyway...).because(isForwarded),
		in("TCP", 10250, aClient, everyWorker).otherwise().closed().because(byIBMs),
		out("TCP", 8080, aWorker).opened(v3.Allow, v3.Log),
		out("UDP", 443, aWorker).opened(v3.Allow, v3.Log),
		out("TCP", 8080, aPod).opened(anyway...).because(isForwarded),
		out("TCP", 443, aWorker).otherwise().opened(anyway...).because(byIBMs),
	}
}

func whatIsForwarded() []Effect {
	const dropped = "IBM has no policy for this direction, so the end of the tier drops it"
	return []Effect{
		in("TCP", 9100, aClient, everyWorker).closed(v3.Allow),
		in("TCP", 8080, aClient, everyWorker).dialling(31080).opened(v3.Allow, v3.Log).because("the pod's port, as DNAT was before"),
		in("UDP", 8080, aClient, everyWorker).dialling(31080).opened(v3.Allow, v3.Log),
		in("TCP", 443, aClient, publicALBs).otherwise().opened(anyway...).because(byIBMs),
		out("TCP", 8080, aWorker).opened(v3.Allow, v3.Log),
		out("TCP", 8080, aPod).opened(v3.Allow),
		out("UDP", 443, aPod).opened(v3.Allow),
		out("TCP", 443, aPod).otherwise().opened().because(dropped),
		out("TCP", 443, aWorker).otherwise().opened(anyway...).because(byIBMs),
	}
}

func beforeDNAT() []Effect {
	const final = "an `Allow` here is final, a `Pass` is not"
	return []Effect{
		in("TCP", 31080, aClient, everyWorker).opened(v3.Allow, v3.Pass, v3.Log),
		in("UDP", 31080, aClient, everyWorker).opened(v3.Allow, v3.Pass, v3.Log),
		in("TCP", 80, aClient, aPublicBalancer).opened(v3.Allow, v3.Pass, v3.Log),
		in("TCP", 9100, aClient, everyWorker).closed(v3.Allow).because(final),
		in("TCP", 22, aClient, everyWorker).opened(anyway...).because(isFailsafe),
		in("TCP", 30000, aClient, everyWorker).otherwise().opened(anyway...).because("before DNAT no end of a tier drops"),
	}
}

func beforeTracking() []Effect {
	const untracked = "an `Allow` here is final, and without tracking there is no DNAT"
	return []Effect{
		in("TCP", 31080, aClient, everyWorker).opened(v3.Pass, v3.Log).unserved().because(untracked),
		in("UDP", 31080, aClient, everyWorker).opened(v3.Pass, v3.Log).unserved(),
		in("TCP", 9100, aClient, everyWorker).closed(v3.Allow),
		in("UDP", 9100, aClient, everyWorker).closed(v3.Allow),
		in("ICMP", 0, aClient, everyWorker).opened(v3.Allow, v3.Pass, v3.Log),
		in("TCP", 22, aClient, everyWorker).opened(anyway...).because(isFailsafe),
		in("TCP", 30000, aClient, everyWorker).otherwise().opened(anyway...).because("before tracking no end of a tier drops"),
		out("TCP", 8080, aWorker).opened(v3.Allow, v3.Pass, v3.Log),
		out("TCP", 8080, aPod).opened(v3.Pass, v3.Log).because("forwarded, but answers meet the rule for answers, and without tracking none finds the pod"),
	}
}

func podsOfANamespace() []Effect {
	const end = "no rule of the tier matches"
	return []Effect{
		in("TCP", 8080, aServer, aPrivateBalancer).dialling(80).opened(v3.Allow),
		in("UDP", 8080, aServer, aPrivateBalancer).dialling(80).opened(v3.Allow),
		in("TCP", 8080, aClient, everyWorker).dialling(31080).opened(v3.Allow),
		in("TCP", 8081, aClient, everyWorker).dialling(31081).otherwise().opened().because(end),
		in("TCP", 443, aClient, publicALBs).otherwise().opened(anyway...).because("pods of another namespace"),
		out("TCP", 8080, aPod).opened(v3.Allow),
		out("UDP", 443, aPod).opened(v3.Allow),
		out("TCP", 443, aPod).otherwise().opened().because(end),
		out("TCP", 443, aWorker).otherwise().opened(anyway...).because("not of a pod"),
	}
}

// OpenUnder tells whether connections are open when the rules have an action.
func (e Effect) OpenUnder(action v3.Action) bool { return slices.Contains(e.OpenWith, action) }

// tableText is the table in Markdown.
func tableText() string {
	var text strings.Builder
	for _, s := range Table() {
		fmt.Fprintf(&text, "  - %s: `%s`", s.Name, strings.Join(s.Arguments, "`, `"))
		if s.Untracked {
			text.WriteString("; each rule has one for the answers in the other direction, with the ports as source")
		}
		text.WriteByte('\n')
	}
	text.WriteString("\n| applied to | direction | rule | from | to | without | `Allow` | `Deny` | `Pass` | `Log` | open before |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range Table() {
		for _, e := range s.Effects {
			before := ""
			switch some, goOn := s.Before(e); {
			case some && goOn:
				before = "go on"
			case some:
				before = "**break** with `Deny`"
			}
			fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Name, e.Direction, e.rule(), e.From, e.to(),
				word(e.Open), s.word(e, v3.Allow), s.word(e, v3.Deny), s.word(e, v3.Pass), s.word(e, v3.Log), before)
		}
	}
	return text.String()
}

// rule is what the table says of the rule that connections meet.
func (e Effect) rule() string {
	text := e.Protocol
	if e.Port != 0 {
		text += fmt.Sprintf(" %d", e.Port)
	}
	if e.Unmatched {
		text = "none for " + text
	}
	if e.Why != "" {
		text += " (" + e.Why + ")"
	}
	return text
}

func (e Effect) to() string {
	if e.Dialled == 0 {
		return e.To
	}
	return fmt.Sprintf("%s, port %d", e.To, e.Dialled)
}

// word is what the table says of an action, in bold where it makes a difference.
func (s Subject) word(e Effect, action v3.Action) string {
	switch now := e.OpenUnder(action); {
	case !slices.Contains(s.Actions, action):
		return ""
	case now != e.Open:
		return "**" + word(now) + "**"
	default:
		return word(now)
	}
}

func word(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}
