package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"net"
	"net/url"
	"os"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	uri := must(url.Parse("spiffe://cluster.local/ns/a/sa/b"))
	template := &x509.CertificateRequest{
		Subject: pkix.Name{
			CommonName:   "leaf.example",
			Organization: []string{"dev", "ops"},
			Country:      []string{"DE"},
			SerialNumber: "7",
			ExtraNames:   []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 99}, Value: "é"}},
		},
		DNSNames:        []string{"leaf.example", "*.leaf.example"},
		IPAddresses:     []net.IP{net.ParseIP("10.0.0.1"), net.ParseIP("fd00::1")},
		EmailAddresses:  []string{"a@b.example"},
		URIs:            []*url.URL{uri},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: []byte{5, 0}}},
	}
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	keys := []struct {
		name string
		key  crypto.Signer
	}{
		{"rsa-2048", must(rsa.GenerateKey(rand.Reader, 2048))},
		{"ecdsa-p256", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))},
		{"ecdsa-p384", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))},
		{"ed25519", edKey},
	}
	for _, k := range keys {
		der := must(x509.CreateCertificateRequest(rand.Reader, template, k.key))
		os.WriteFile("go-"+k.name+".csr", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), 0o644)
	}
}
