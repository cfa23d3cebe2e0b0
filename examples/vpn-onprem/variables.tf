variable "region" {
  description = "IBM Cloud region of the cluster."
  type        = string
  default     = "us-south"
}

variable "cluster" {
  description = "Name or ID of the cluster."
  type        = string
}

variable "edge_worker_pool" {
  description = "Worker pool of the edge workers."
  type        = string
  default     = "edge"
}

variable "strongswan_image" {
  description = "Image with strongSwan, built with the provider's Dockerfile (internal/pattern/strongswan/image) and pushed to a registry that the cluster pulls from; best with its digest."
  type        = string
}

variable "office_gateway" {
  description = "Public IPv4 address or host name of the office's VPN gateway."
  type        = string
}

variable "office_subnets" {
  description = "IPv4 networks of the office that the cluster may reach."
  type        = set(string)
}

variable "cluster_subnets" {
  description = "IPv4 networks of the cluster that the office may reach: by default the pods and the Services of a classic cluster."
  type        = set(string)
  default     = ["172.30.0.0/16", "172.21.0.0/16"]
}

variable "preshared_key" {
  description = "Pre-shared key of the tunnel, 32 random characters that the office's gateway has as well. Terraform keeps it nowhere."
  type        = string
  ephemeral   = true
}

variable "preshared_key_version" {
  description = "Version of the key: another one writes the key anew."
  type        = number
  default     = 1
}
