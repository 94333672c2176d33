"""Kusto Query Language (KQL), as Defender XDR and Microsoft Sentinel run it."""
