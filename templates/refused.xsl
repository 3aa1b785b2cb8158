<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<!-- A form that cannot be taken: it came from elsewhere or had grown old, or its session ended. -->
<xsl:template match="page" mode="title"><xsl:call-template name="heading"/></xsl:template>

<xsl:template name="heading">
  <xsl:choose>
    <xsl:when test="/page/@error = 'session'"><w:t id="refused.session"/></xsl:when>
    <xsl:otherwise><w:t id="refused.elsewhere"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="page" mode="main">
  <div class="sheet">
    <h1><xsl:call-template name="heading"/></h1>
    <xsl:choose>
      <xsl:when test="@error = 'session'">
        <p><w:t id="refused.session-text"/></p>
        <div class="row"><a class="btn" href="/login"><w:t id="login.title"/></a></div>
      </xsl:when>
      <xsl:otherwise>
        <p><w:t id="refused.elsewhere-text" host="@host"/></p>
        <div class="row"><a class="btn" href="/"><w:t id="ended.home"/></a></div>
      </xsl:otherwise>
    </xsl:choose>
    <xsl:if test="kept">
      <div class="field">
        <label for="kept"><w:t id="refused.kept"/></label>
        <textarea id="kept" readonly="readonly" rows="10"><xsl:value-of select="kept"/></textarea>
      </div>
    </xsl:if>
  </div>
</xsl:template>

</xsl:stylesheet>
