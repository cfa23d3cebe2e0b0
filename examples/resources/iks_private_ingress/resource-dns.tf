# Private ALBs have no IBM subdomain. On classic infrastructure, a name of your
# own gets an A record for the ALB in each zone ...
output "a_records" {
  value = [for ip in iks_private_ingress.shop.addresses : "shop.example.com. 300 IN A ${ip}"]
}

# ... and on VPC a CNAME record with the host name of the ALBs' load balancer.
output "cname_record" {
  value = "shop.example.com. 300 IN CNAME ${iks_private_ingress.shop.address}."
}
