<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="reset.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <div class="sheet">
    <h1><w:t id="reset.title"/></h1>
    <p><w:t id="reset.why"/></p>
    <p><w:t id="reset.now"/></p>
    <p>
      <xsl:choose>
        <xsl:when test="@contact != ''"><w:t id="reset.ask" tenant="@tenant" contact="@contact"/></xsl:when>
        <xsl:otherwise><w:t id="reset.ask-nocontact" tenant="@tenant"/></xsl:otherwise>
      </xsl:choose>
    </p>
    <div class="row"><a class="btn" href="/login"><w:t id="reset.back"/></a></div>
  </div>
</xsl:template>

</xsl:stylesheet>
